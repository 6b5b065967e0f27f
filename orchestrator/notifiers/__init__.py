"""Where an alert is told: one module per channel."""
