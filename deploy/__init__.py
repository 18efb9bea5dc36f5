"""Deploy: the only package that knows all others; command line, launcher and profiles."""
