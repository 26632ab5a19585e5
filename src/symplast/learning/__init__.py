"""The shared protocol of learning: any way of assigning credit with any way a synapse takes the change.

A :class:`CreditRule` says which way each weight should go; an optax transform says how the synapse takes it;
a :class:`GradientLearner` joins them; :func:`train` runs seeds side by side in one compiled scan.
"""

from symplast.learning.alignment import alignment, cosines
from symplast.learning.credit_rules import (
    Autodiff,
    Backprop,
    DirectFeedback,
    FeedbackAlignment,
    KolenPollack,
    LayerwiseRule,
    SignSymmetric,
    WeightMirror,
)
from symplast.learning.feedforward import FeedForwardNet
from symplast.learning.learner import GradientLearner, Learner, LearnerState
from symplast.learning.protocol import Batch, Credit, CreditRule, Reseedable, TaskAware
from symplast.learning.sequences import SequenceHistory, average_score, backward_transfer, train_sequence
from symplast.learning.tasks import Task, images, modular_addition, permuted, split, teacher_student
from symplast.learning.training import History, Training, begin, score, train

__all__ = [
    "Autodiff",
    "Backprop",
    "Batch",
    "Credit",
    "CreditRule",
    "DirectFeedback",
    "FeedForwardNet",
    "FeedbackAlignment",
    "GradientLearner",
    "History",
    "KolenPollack",
    "LayerwiseRule",
    "Learner",
    "LearnerState",
    "Reseedable",
    "SequenceHistory",
    "SignSymmetric",
    "Task",
    "TaskAware",
    "Training",
    "WeightMirror",
    "alignment",
    "average_score",
    "backward_transfer",
    "begin",
    "cosines",
    "images",
    "modular_addition",
    "permuted",
    "score",
    "split",
    "teacher_student",
    "train",
    "train_sequence",
]
