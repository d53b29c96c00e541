"""Segmentation replies: the mask and the area of each class."""

from serving.worker.handler import Handler
from tests.support import small_models
from tests.support.handler_calls import decode_reply_image, predict


def test_a_mask_is_a_png_of_class_numbers_with_the_share_of_each(handlers: dict[str, Handler]) -> None:
    image = small_models.small_model_of("cells").golden["image"][0]
    reply = predict(handlers["cells"], {"image": image.tolist()})
    mask, mode = decode_reply_image(reply["mask"])
    expected = small_models.predict("cells", {"image": image[None]})[0].argmax(axis=0)
    assert mode == "P"
    assert (mask == expected).all()
    assert reply["size"] == [20, 12]
    assert list(reply["area"]) == ["background", "rim", "cell"]
    assert reply["area"]["rim"] == (expected == 1).mean()
