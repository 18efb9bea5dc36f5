"""Edge agents: read machines over OPC UA and MQTT and publish what they report, losing nothing."""
