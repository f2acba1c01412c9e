"""What a trained network sees: where a unit looks, what it answers to, what a class depends on."""
