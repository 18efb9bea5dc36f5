"""Plain-MQTT devices as people really buy them: pure, they turn the line's state and a time into messages."""
