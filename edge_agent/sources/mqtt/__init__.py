"""Plain-MQTT source: devices that publish JSON or text without knowing anything of Sparkplug."""
