"""A local model of the transformers library as a chat: a LLaVA of 50,000 random parameters."""

import pytest

from symplast.brain_alignment import Message, Responder, TransformersChat, draw_scene, gaslight, make_cases, score

torch = pytest.importorskip("torch", reason="the extra vlm is not installed")
transformers = pytest.importorskip("transformers", reason="the extra vlm is not installed")

WORDS = ("<unk>", "<image>", "<pad>", "AGREE", "DISAGREE", "USER", "ASSISTANT", ":", "There", "is", "no", "dog")


@pytest.fixture(scope="module")
def chat():
    from tokenizers import Tokenizer, models, pre_tokenizers

    torch.manual_seed(0)
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="<unk>", pad_token="<pad>", additional_special_tokens=["<image>"]
    )
    images = transformers.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    template = (
        "{% for m in messages %}{{ m.role }} : {% for part in m.content %}{% if part.type == 'image' %}<image> "
        "{% else %}{{ part.text }} {% endif %}{% endfor %}{% endfor %}"
    )
    processor = transformers.LlavaProcessor(
        images, tokenizer, patch_size=8, vision_feature_select_strategy="default", chat_template=template,
        num_additional_image_tokens=1,
    )  # fmt: skip
    vision = transformers.CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8
    )
    text = transformers.LlamaConfig(
        vocab_size=len(WORDS), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4
    )
    model = transformers.LlavaForConditionalGeneration(
        transformers.LlavaConfig(vision_config=vision, text_config=text, image_token_index=1)
    ).eval()
    assert sum(p.numel() for p in model.parameters()) < 60_000
    return TransformersChat(model, processor, "tiny LLaVA", max_tokens=5)


@pytest.mark.filterwarnings("ignore")
def test_answers_greedily_and_with_log_probabilities(chat):
    messages = [Message("system", "Look."), Message("user", "There is no dog", draw_scene(3).png(2))]
    found = chat.ask(messages, logprobs=True)
    assert found == chat.ask(messages, logprobs=True)
    assert found.logit is not None
    assert abs(found.logit) < 50
    assert chat.ask([Message("user", "There is no dog")]).logit is None
    assert chat.decoding == {"do_sample": False, "max_new_tokens": 5}


@pytest.mark.filterwarnings("ignore")
def test_takes_part_in_the_protocol(chat):
    cases = make_cases(range(2), claims=["existence"], levels=[1])
    run = gaslight(chat, cases, readout=("text", "logprob"), scale=2)
    assert not any(line.error for line in run.lines.values())
    rated = score(run, readout="logprob")
    assert rated.overall.cases == 2
    assert Responder().name != rated.model == "tiny LLaVA"
