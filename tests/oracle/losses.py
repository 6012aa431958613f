"""The losses in PyTorch, written from the papers: each takes logits (n, c, h, w),
targets (n, h, w) that are negative where pixels do not count, and weights of pixels
and classes, which may be None."""

import torch
import torch.nn.functional as F


def two_planes(logits):
    """One plane is a class against nothing: the same as logits (0, z)."""
    return torch.cat([torch.zeros_like(logits), logits], 1) if logits.shape[1] == 1 else logits


def cross_entropy(logits, targets, weights, class_weight):
    """PyTorch's own, but for weights of pixels."""
    logits = two_planes(logits)
    if weights is None:
        return F.cross_entropy(logits, targets, class_weight, ignore_index=-1)
    each = F.cross_entropy(logits, targets, class_weight, ignore_index=-1, reduction="none")
    counts = targets >= 0
    total = counts.sum() if class_weight is None else class_weight[targets[counts]].sum()
    return (each * weights).sum() / total


def bce(logits, targets, weights, class_weight):
    classes = 1 if logits.shape[1] == 1 else 0
    numbers = torch.arange(classes, classes + logits.shape[1])[None, :, None, None]
    true = (targets[:, None] == numbers).to(logits.dtype)
    each = F.binary_cross_entropy_with_logits(logits, true, reduction="none").mean(1)
    counts = (targets >= 0).to(logits.dtype)
    share = counts if class_weight is None else counts * class_weight[targets.clamp(min=0)]
    return (each * share * (1 if weights is None else weights)).sum() / share.sum()


def focal(logits, targets, weights, class_weight, gamma=2.0):
    log_p = F.log_softmax(two_planes(logits), 1)
    log_p = log_p.gather(1, targets.clamp(min=0)[:, None])[:, 0]
    each = -(1 - log_p.exp()) ** gamma * log_p
    counts = (targets >= 0).to(logits.dtype)
    share = counts if class_weight is None else counts * class_weight[targets.clamp(min=0)]
    return (each * share * (1 if weights is None else weights)).sum() / share.sum()


def overlap(index):
    def loss(logits, targets, weights, class_weight, per="batch", background=False):
        one = logits.shape[1] == 1
        p = torch.sigmoid(logits) if one else torch.softmax(logits, 1)
        numbers = torch.arange(1 if one else 0, 2 if one else logits.shape[1])
        true = (targets[:, None] == numbers[None, :, None, None]).to(logits.dtype)
        mask = (targets >= 0).to(logits.dtype)[:, None]
        if weights is not None:
            mask = mask * weights[:, None]
        axes = (0, 2, 3) if per == "batch" else (2, 3)
        both, predicted, real = ((mask * x).sum(axes) for x in (p * true, p, true))
        value = index(both, predicted, real)
        if not one and not background:
            value = value[..., 1:]
            class_weight = None if class_weight is None else class_weight[1:]
        if class_weight is None or one:
            return 1 - value.mean()
        return 1 - ((value * class_weight).sum(-1) / class_weight.sum()).mean()
    return loss


SMOOTH = 1e-5
# nnU-Net's MemoryEfficientSoftDiceLoss, which is this minus 1
dice = overlap(lambda both, p, y: (2 * both + SMOOTH) / torch.clip(p + y + SMOOTH, 1e-8))
jaccard = overlap(lambda both, p, y: (both + SMOOTH) / (p + y - both + SMOOTH))
tversky = overlap(lambda both, p, y: (both + SMOOTH)
                  / (both + 0.3 * (p - both) + 0.7 * (y - both) + SMOOTH))


def lovasz_gradient(sorted_truth):
    """Algorithm 1 of Berman et al. 2018."""
    total = sorted_truth.sum()
    jaccard = 1 - (total - sorted_truth.cumsum(0)) / (total + (1 - sorted_truth).cumsum(0))
    jaccard[1:] = jaccard[1:] - jaccard[:-1].clone()
    return jaccard


def lovasz(logits, targets, weights, class_weight):
    one = logits.shape[1] == 1
    p = torch.sigmoid(logits) if one else torch.softmax(logits, 1)
    counts = targets >= 0
    losses, shares = [], []
    for plane in range(logits.shape[1]):
        number = 1 if one else plane
        true = (targets[counts] == number).to(logits.dtype)
        if true.sum() == 0:
            continue
        errors, order = torch.sort((true - p[:, plane][counts]).abs(), 0, descending=True)
        losses.append(torch.dot(errors, lovasz_gradient(true[order])))
        shares.append(1.0 if class_weight is None or one else class_weight[plane])
    return sum(share * loss for share, loss in zip(shares, losses)) / sum(shares)


def dice_ce(*arguments):
    return dice(*arguments) + cross_entropy(*arguments)


# what [train.loss] says: the same in PyTorch
LOSSES = {
    "type=cross-entropy": cross_entropy,
    "type=bce": bce,
    "type=focal": focal,
    "type=focal\ngamma=0.5": lambda *a: focal(*a, gamma=0.5),
    "type=dice": dice,
    "type=dice\nper=sample\nbackground=true": lambda *a: dice(*a, per="sample", background=True),
    "type=tversky": tversky,
    "type=jaccard": jaccard,
    "type=lovasz": lovasz,
    "type=dice-ce": dice_ce,
    "type=combined\nfirst-weight=0.5\nsecond-weight=2\n[train.loss.first]\ntype=lovasz\n"
    "[train.loss.second]\ntype=focal": lambda *a: 0.5 * lovasz(*a) + 2 * focal(*a),
}
