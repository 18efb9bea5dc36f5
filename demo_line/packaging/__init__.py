"""What the packaging machines share: flow of bottles, minor stops, filling valves and capping heads."""
