"""The broker that the launcher runs: who may do what, and the configuration of NATS or Mosquitto made from it."""
