"""Pictures with objects: composed of sprites, in the format of COCO, or in that of PASCAL VOC."""
