"""OPC UA source. The only place of the edge agent that imports asyncua; importing this package alone does not."""
