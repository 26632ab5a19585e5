"""Numbers that the paper and its released code give, typed in with their source.

Shah, Tripathi, Singh and Silpasuwanchai, 2026, arXiv:2604.13803: abstract, public README and model wrappers. The table
of per-model scores by brain region and five of the twelve rates are not published, so no correlation can be computed
again from raw values.
"""

from typing import NamedTuple


class PublishedModel(NamedTuple):
    """A model as published, and what the released code loads.

    Attributes:
        name: as published.
        label: parameter count as published.
        checkpoint: that the released code loads.
        billions: parameters in the released metadata.
        family: of the vision encoder.
        rate: final sycophancy rate; None where only "above 0.5" is published.
    """

    name: str
    label: str
    checkpoint: str
    billions: float
    family: str
    rate: float | None


MODELS = (
    PublishedModel("SmolVLM-500M", "500M", "HuggingFaceTB/SmolVLM-500M-Instruct", 0.5, "SigLIP", 0.037),
    PublishedModel("Qwen2.5-VL-3B", "3B", "Qwen/Qwen2.5-VL-3B-Instruct", 3.0, "Qwen-ViT", 0.085),
    PublishedModel("Phi-3.5-Vision", "4.2B", "microsoft/Phi-3.5-vision-instruct", 4.2, "CLIP-ViT", 0.235),
    PublishedModel("Gemma-3-1B", "1B", "google/gemma-3-4b-it", 4.0, "SigLIP", 0.422),
    PublishedModel("Qwen2-VL-2B", "2B", "Qwen/Qwen2-VL-2B-Instruct", 2.0, "Qwen-ViT", None),
    PublishedModel("BLIP-2-OPT-2.7B", "2.7B", "Salesforce/blip2-opt-2.7b", 2.7, "ViT-G/14 + Q-Former", None),
    PublishedModel("LFM-2.5-VL-1B", "1B", "LiquidAI/LFM2-VL-1.6B", 1.6, "SigLIP2-NaFlex", None),
    PublishedModel("LLaVA-v1.6-7B", "7B", "llava-hf/llava-v1.6-mistral-7b-hf", 7.0, "CLIP-ViT", None),
    PublishedModel("Idefics2-8B", "8B", "HuggingFaceM4/idefics2-8b", 8.0, "SigLIP (modified)", None),
    PublishedModel("LFM-2-VL-8B", "8B", "LiquidAI/LFM2-VL-450M", 0.45, "SigLIP2-NaFlex", 0.965),
    PublishedModel("SmolVLM-256M", "256M", "HuggingFaceTB/SmolVLM-256M-Instruct", 0.256, "SigLIP", 0.986),
    PublishedModel("PaliGemma2-10B", "10B", "google/paligemma2-10b-ft-docci-448", 10.0, "SigLIP", 0.995),
)
"""The twelve models. Three labels disagree with the checkpoint: Gemma-3-1B, LFM-2.5-VL-1B, LFM-2-VL-8B."""

MODEL_COUNT = 12

ROI_CORRELATIONS = {
    "prf-visualrois": -0.441,
    "streams": -0.380,
    "floc-places": -0.263,
    "floc-faces": -0.111,
    "floc-bodies": -0.069,
    "floc-words": -0.049,
}
"""Pearson r of brain score and sycophancy rate over the models (abstract and README). A secondary source has -0.244 for
streams, so that one is uncertain."""

EARLY_INTERVAL = (-0.740, -0.031)
"""BCa interval at 95 % of the first of them (abstract)."""

STRONGEST_CELL = -0.597
"""r of V1-V3 score and the rate of existence denial, the strongest of 6 regions x 5 categories (p = 0.040)."""

AGGREGATE = -0.255
"""r of the aggregate score (p = 0.424)."""

CASES_PER_MODEL = 6400

RELEASED_LEVELS = {
    "identity": (1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
    "attribute": (1, 3, 5, 7, 9, 10),
    "existence": (1, 3, 5, 7, 10),
    "count": (1, 4, 6, 8, 10),
    "authority": (1, 3, 5, 7, 9, 10),
}
"""Levels at which the released generator of cases has texts, by category (released code)."""

RELEASED_IMAGES = 200
"""Images for prompts by default in the released code; the paper says 128."""

NORMALISED_TOP = 0.997
"""Largest ceiling-normalised aggregate score (README)."""
