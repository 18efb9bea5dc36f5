"""How others reach the line: OPC UA, plain MQTT devices, replay of recordings."""
