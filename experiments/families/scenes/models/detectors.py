"""torchvision's RetinaNet, Faster R-CNN and Mask R-CNN at any size."""

from __future__ import annotations

from functools import partial

from torch import nn
from torchvision.models.detection import FasterRCNN, MaskRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import ExtraFPNBlock, LastLevelMaxPool, LastLevelP6P7

from experiments.families.scenes.models.backbones import STAGES
from experiments.families.scenes.schema import Detector, FasterRCNNModel, MaskRCNNModel, RetinaNetModel

RATIOS = (0.5, 1.0, 2.0)  # height to width of anchors
BOX_CELLS, MASK_CELLS = 7, 14  # side of the region pooled from the feature maps for a box and for its mask


def build_detector(config: Detector, backbone: nn.Module, channels: list[int], classes: int) -> nn.Module:
    """The detector with torchvision's initialisation; ``classes`` includes the background.

    Training pictures come resized, so the detector resizes only evaluation pictures.
    """
    if isinstance(config, RetinaNetModel):
        return build_retinanet(config, backbone, channels, classes)
    assert isinstance(config, FasterRCNNModel)
    return build_rcnn(config, backbone, channels, classes)


def pyramid(config: Detector, backbone: nn.Module, channels: list[int], extra: ExtraFPNBlock) -> BackboneWithFPN:
    """A feature pyramid on the last ``config.stages`` stages, with the extra levels of ``extra``."""
    levels = {name: str(level) for level, name in enumerate(STAGES[-config.stages :])}
    return BackboneWithFPN(backbone, levels, channels[-config.stages :], config.channels, extra)


def build_retinanet(config: RetinaNetModel, backbone: nn.Module, channels: list[int], classes: int) -> nn.Module:
    """RetinaNet with two levels coarser than the last stage. Anchors have three sizes and three shapes."""
    coarser = channels[-1] if config.version == 2 else config.channels
    network = pyramid(config, backbone, channels, LastLevelP6P7(coarser, config.channels))
    sizes = tuple(tuple(int(size * 2 ** (third / 3)) for third in range(3)) for size in config.anchors)
    anchors = AnchorGenerator(sizes, (RATIOS,) * len(sizes))
    per_place = anchors.num_anchors_per_location()[0]
    norm = partial(nn.GroupNorm, config.groups) if config.version == 2 else None
    head = RetinaNetHead(config.channels, per_place, classes, norm_layer=norm)
    if config.version == 2:
        head.regression_head._loss_type = "giou"  # as torchvision's own constructor says it
    detector: nn.Module = RetinaNet(
        network,
        classes,
        min_size=config.min_size,
        max_size=config.max_size,
        anchor_generator=anchors,
        head=head,
        detections_per_img=config.detections,
        _skip_resize=True,
    )
    return detector


def build_rcnn(config: FasterRCNNModel, backbone: nn.Module, channels: list[int], classes: int) -> nn.Module:
    """Faster or Mask R-CNN with one level coarser than the last stage. Anchors have one size a level, three shapes."""
    levels = [str(level) for level in range(config.stages)]
    network = pyramid(config, backbone, channels, LastLevelMaxPool())
    train, test = config.proposals
    settings = {
        "min_size": config.min_size,
        "max_size": config.max_size,
        "rpn_anchor_generator": AnchorGenerator(
            tuple((int(size),) for size in config.anchors), (RATIOS,) * len(config.anchors)
        ),
        "rpn_pre_nms_top_n_train": train,
        "rpn_pre_nms_top_n_test": test,
        "rpn_post_nms_top_n_train": train,
        "rpn_post_nms_top_n_test": test,
        "rpn_batch_size_per_image": config.anchors_sampled,
        "box_batch_size_per_image": config.boxes_sampled,
        "box_detections_per_img": config.detections,
        "box_roi_pool": MultiScaleRoIAlign(levels, BOX_CELLS, 2),
        "box_head": TwoMLPHead(config.channels * BOX_CELLS**2, config.hidden),
        "box_predictor": FastRCNNPredictor(config.hidden, classes),
        "_skip_resize": True,
    }
    if not isinstance(config, MaskRCNNModel):
        boxes: nn.Module = FasterRCNN(network, **settings)
        return boxes
    masks: nn.Module = MaskRCNN(
        network,
        mask_roi_pool=MultiScaleRoIAlign(levels, MASK_CELLS, 2),
        mask_head=MaskRCNNHeads(config.channels, (config.channels,) * config.mask_layers, 1),
        mask_predictor=MaskRCNNPredictor(config.channels, config.channels, classes),
        **settings,
    )
    return masks
