"""torchvision's detectors and segmenters, with the configured activation in every place."""
