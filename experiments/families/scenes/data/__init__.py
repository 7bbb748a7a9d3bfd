"""Pictures with objects: composed of sprites, or in the formats of COCO or PASCAL VOC."""
