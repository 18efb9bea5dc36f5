"""Physics that units share, pure: pump, plates, drink, air, vibration and its waveform."""
