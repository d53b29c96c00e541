"""What the pictures of explanations are, and are not, in words: titles and captions, by method."""

from typing import NamedTuple


class ExplanationText(NamedTuple):
    title: str
    caption: str


_ROWS = "Validation examples. "
EXPLANATIONS: dict[str, ExplanationText] = {
    "permutation_importance": ExplanationText(
        "What it goes by",
        "How much worse it does on examples that were held out when a column's values are dealt out among them anew, "
        "with the 95 % interval over the examples. It says what this contender uses, not what causes the target; "
        "columns that say the same share what they say, so that each may look idle. Of a contender that takes long to "
        "ask, not all of these examples are asked; below the bars stands of how many the score is, which then is not "
        "the leaderboard's.",
    ),
    "dissection": ExplanationText(
        "What its units stand for",
        f"{_ROWS}The unit inside the network whose area overlaps most with each class, where it is on; how much it "
        "overlaps (IoU), and how much a unit that knows nothing would. It says what is found inside, not what "
        "the answer hangs on.",
    ),
    "integrated_gradients": ExplanationText(
        "What it looks at",
        f"{_ROWS}Blue speaks for what it answers, or raises the number that it answers; orange against, or lowers it; "
        "counted from an input that is average all over (integrated gradients). It says what moved this answer of this "
        "model, not why it is right, nor that the same would move it elsewhere.",
    ),
    "grad_cam": ExplanationText(
        "Where it looks",
        f"{_ROWS}The darker, the more the network's last feature maps speak for the answer from there (Grad-CAM). It "
        "is as coarse as these maps, shows nothing that speaks against, and does not say what was seen there.",
    ),
    "attention": ExplanationText(
        "What it attends to",
        f"{_ROWS}The darker, the larger the weight with which the network read from there. It says where it read from, "
        "not what it made of it.",
    ),
    "input_gradients": ExplanationText(
        "What it reacts to",
        f"{_ROWS}Blue speaks for what it answers, or raises the number that it answers; orange against, or lowers it: "
        "the gradient times the input. It is true of small changes alone, and noisy; integrated gradients are steadier "
        "and cost more.",
    ),
    "occlusion": ExplanationText(
        "What it would miss",
        f"{_ROWS}Blue speaks for what it answers, or raises the number that it answers; orange against, or lowers it: "
        "how much that changes when a window over it is filled with the average (occlusion). It is as coarse as the "
        "window, and does not show what two places say together.",
    ),
}
