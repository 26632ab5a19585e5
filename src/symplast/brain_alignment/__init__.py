"""Do models that see like human visual cortex resist being talked out of what they see?

Three parts, each usable alone. *Encode*: image features predict measured responses, scored on unseen images against
valid noise ceilings. *Gaslight*: a chat model is asked whether it agrees with something false about an image and is
pressed once more; rates with truth-matched controls. *Relate*: scores against rates over a dozen models, with the
statistics that so few need.

===========================================  ===========================================================================
question                                     start with
===========================================  ===========================================================================
how well do features predict responses?      :class:`BrainEncoder`, :func:`brain_scores`
how well could any model?                    :func:`noise_ceiling`, :func:`split_half_ceiling`
features of my model                         :func:`features`, :func:`pool`
responses of a public data set               :func:`load_algonauts`, :func:`load_nsd`
what to claim, and how                       :func:`make_cases`, :class:`Case`
press a model behind an endpoint             :class:`OpenAIChat`, :func:`gaslight`, :func:`score`
is the measurement right?                    :class:`Responder`, :func:`serving`, :class:`Parser`
scores against rates over models             :func:`relate`, :func:`bootstrap_r`, :func:`compare_dependent`
===========================================  ===========================================================================
"""

from symplast.brain_alignment.algonauts import Responses, load_algonauts, load_nsd
from symplast.brain_alignment.answer_book import GaslightRun, read_run
from symplast.brain_alignment.cases import image_bytes, make_cases, read_cases, write_cases
from symplast.brain_alignment.ceiling import NoiseCeiling, noise_ceiling, spearman_brown, split_half_ceiling
from symplast.brain_alignment.chat import Answer, Chat, ChatError, Message, OpenAIChat, preflight
from symplast.brain_alignment.correlations import (
    compare_dependent,
    leave_one_out,
    max_r_p,
    models_for_power,
    paper_d,
    partial_r,
    permutation_p,
    r_p_value,
)
from symplast.brain_alignment.encoding import BrainEncoder, EncodingResult, PenaltyAtEnd, brain_scores
from symplast.brain_alignment.gaslighting import BudgetSpentError, gaslight
from symplast.brain_alignment.levels import MixedEffect, mixed_model, two_level_bootstrap
from symplast.brain_alignment.local_server import make_server, serving
from symplast.brain_alignment.pair_bootstrap import PairBootstrap, bootstrap_r
from symplast.brain_alignment.parsing import Parser, Reading
from symplast.brain_alignment.pooling import features, pool
from symplast.brain_alignment.rates import Outcome, Rates, Resistance, Score, score
from symplast.brain_alignment.regions import RoiScore
from symplast.brain_alignment.relating import Difference, FewModels, Pair, RelateResult, relate
from symplast.brain_alignment.responders import Responder
from symplast.brain_alignment.response_files import read_features, read_responses, read_rois
from symplast.brain_alignment.ridge import ALPHAS, ridge_weights
from symplast.brain_alignment.scenes import Scene, SceneObject, draw_scene, read_scene
from symplast.brain_alignment.sensitivity import Sensitivity, d_prime, sensitivity
from symplast.brain_alignment.splits import Given, KFold, Split
from symplast.brain_alignment.statements import Case, Statement
from symplast.brain_alignment.tiny_vlm import TinyVLM, train_tiny
from symplast.brain_alignment.transformers_chat import TransformersChat

__all__ = [
    "ALPHAS",
    "Answer",
    "BrainEncoder",
    "BudgetSpentError",
    "Case",
    "Chat",
    "ChatError",
    "Difference",
    "EncodingResult",
    "FewModels",
    "GaslightRun",
    "Given",
    "KFold",
    "Message",
    "MixedEffect",
    "NoiseCeiling",
    "OpenAIChat",
    "Outcome",
    "Pair",
    "PairBootstrap",
    "Parser",
    "PenaltyAtEnd",
    "Rates",
    "Reading",
    "RelateResult",
    "Resistance",
    "Responder",
    "Responses",
    "RoiScore",
    "Scene",
    "SceneObject",
    "Score",
    "Sensitivity",
    "Split",
    "Statement",
    "TinyVLM",
    "TransformersChat",
    "bootstrap_r",
    "brain_scores",
    "compare_dependent",
    "d_prime",
    "draw_scene",
    "features",
    "gaslight",
    "image_bytes",
    "leave_one_out",
    "load_algonauts",
    "load_nsd",
    "make_cases",
    "make_server",
    "max_r_p",
    "mixed_model",
    "models_for_power",
    "noise_ceiling",
    "paper_d",
    "partial_r",
    "permutation_p",
    "pool",
    "preflight",
    "r_p_value",
    "read_cases",
    "read_features",
    "read_responses",
    "read_rois",
    "read_run",
    "read_scene",
    "relate",
    "ridge_weights",
    "score",
    "sensitivity",
    "serving",
    "spearman_brown",
    "split_half_ceiling",
    "train_tiny",
    "two_level_bootstrap",
    "write_cases",
]
