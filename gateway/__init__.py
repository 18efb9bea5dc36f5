"""Gateway: Sparkplug host application that stores what edges publish and serves it over HTTP."""
