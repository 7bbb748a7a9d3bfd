"""The metrics of detection and segmentation, on the test set or on held-out training pictures."""

from experiments.families.metric import Metric, loss_in_nats, percentage


def metrics_of(evaluated: str, words: str) -> tuple[Metric, ...]:
    """Metrics whose keys begin with ``evaluated`` and whose titles end with ``words``."""
    return (
        percentage(f"{evaluated}_box_map", f"box mAP{words}"),
        percentage(f"{evaluated}_box_map50", f"box mAP at IoU 0.5{words}"),
        percentage(f"{evaluated}_mask_map", f"mask mAP{words}"),
        percentage(f"{evaluated}_mask_map50", f"mask mAP at IoU 0.5{words}"),
        Metric(f"{evaluated}_detection_loss", f"detection loss{words}", "", False, 4, 0.0),
        percentage(f"{evaluated}_miou", f"mean IoU{words}"),
        percentage(f"{evaluated}_pixel_accuracy", f"pixel accuracy{words}"),
        loss_in_nats(f"{evaluated}_loss", f"loss{words}"),
    )


TEST, HOLDOUT = metrics_of("test", ""), metrics_of("holdout", " on held-out pictures")
METRICS = TEST + HOLDOUT
HELD_OUT = {test.key: held.key for test, held in zip(TEST, HOLDOUT, strict=True)}
