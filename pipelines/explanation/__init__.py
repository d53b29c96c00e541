"""What a trained network looks at: attributions, attention, importances and units that stand for something."""
