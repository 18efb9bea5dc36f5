"""The contract between edges and hosts: Sparkplug B 3.0 plus durable delivery. The only part others import."""
