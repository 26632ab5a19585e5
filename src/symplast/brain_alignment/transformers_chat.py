"""A local vision-language model of the transformers library as a chat (extra ``symplast[vlm]``)."""

import io
from collections.abc import Sequence
from typing import Any

from symplast.brain_alignment.chat import Answer, Message


class TransformersChat:
    """Greedy answers of a loaded model.

    Args:
        model: with ``generate``, as ``AutoModelForImageTextToText`` loads it.
        processor: its processor, with ``apply_chat_template``.
        name: for the records; by default the model's own.
        max_tokens: of an answer.
    """

    def __init__(self, model: Any, processor: Any, name: str = "", max_tokens: int = 256):
        self._model, self._processor, self._max_tokens = model, processor, max_tokens
        self._name = name or str(getattr(getattr(model, "config", None), "_name_or_path", "") or type(model).__name__)

    @property
    def name(self) -> str:
        """Of the model."""
        return self._name

    @property
    def decoding(self) -> dict[str, Any]:
        """What decides the answer besides the messages."""
        return {"do_sample": False, "max_new_tokens": self._max_tokens}

    def ask(self, messages: Sequence[Message], logprobs: bool = False) -> Answer:
        """Answer greedily; ``logit`` compares the first tokens of AGREE and DISAGREE at the first position."""
        import torch
        from PIL import Image

        images, chat = [], []
        for m in messages:
            content: list[dict[str, Any]] = []
            if m.image is not None:
                images.append(Image.open(io.BytesIO(m.image)).convert("RGB"))
                content.append({"type": "image"})
            chat.append({"role": m.role, "content": [*content, {"type": "text", "text": m.text}]})
        prompt = self._processor.apply_chat_template(chat, add_generation_prompt=True)
        inputs = self._processor(images=images or None, text=prompt, return_tensors="pt").to(self._model.device)
        with torch.no_grad():
            out = self._model.generate(**inputs, **self.decoding, return_dict_in_generate=True, output_scores=logprobs)
        new = out.sequences[0, inputs["input_ids"].shape[1] :]
        logit = None
        if logprobs:
            tokenizer = getattr(self._processor, "tokenizer", self._processor)
            a, b = (tokenizer.encode(word, add_special_tokens=False)[0] for word in ("AGREE", "DISAGREE"))
            logit = None if a == b else float(out.scores[0][0, a] - out.scores[0][0, b])
        return Answer(self._processor.decode(new, skip_special_tokens=True), logit, self._name)
