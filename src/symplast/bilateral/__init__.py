"""Controllers of two hemispheres, each trained for another aim, that move an arm with six muscles.

The dominant half learns to be accurate (loss D), the non-dominant one to be steady and cheap (loss N); two learned
scalars mix what they say, and a corpus callosum may let them exchange it. Errors go back through arm and muscles. From
J. Rinaldo, L. Kuhlmann, J. Friedman and G. Kowadlo, arXiv:2401.14057; the plant is that of MotorNet.

======================  ============================================================================================
the arm                 :class:`TwoLinkArm`, :class:`Muscle`, :class:`ArmState`, :func:`read_arm`
controllers             :class:`Bilateral`, :class:`Unilateral`, :class:`ControlledArm`, :data:`LESIONS`
what is learned         :class:`MotorLoss`, :data:`DOMINANT`, :data:`NON_DOMINANT`, :data:`NEUTRAL`
who learns it           :class:`Routed`, :data:`MODELS`, :func:`learner_of`, :func:`motor_adam`
tasks                   :func:`reach`, :func:`hold`, :func:`centre_out`, :func:`read_trials`
measure                 :func:`movement_metrics`, :func:`lesions`, :func:`read_movements`
======================  ============================================================================================
"""

from symplast.bilateral.arm import ArmState, TwoLinkArm
from symplast.bilateral.arm_files import read_arm
from symplast.bilateral.controllers import Bilateral, Unilateral
from symplast.bilateral.lesioning import LESIONS, Lesion
from symplast.bilateral.losses import DOMINANT, NEUTRAL, NON_DOMINANT, MotorLoss
from symplast.bilateral.measuring import lesions, metrics_of, move, networks_of, trajectory_metrics
from symplast.bilateral.metrics import METRICS, movement_metrics
from symplast.bilateral.models import MODELS, learner_of
from symplast.bilateral.muscles import Muscle
from symplast.bilateral.optimising import clip_each, motor_adam, nonnegative_mixing
from symplast.bilateral.recordings import Movements, compare_groups, read_movements
from symplast.bilateral.rollout import ControlledArm, Trajectory
from symplast.bilateral.routing import SPECIALISED, Routed
from symplast.bilateral.tasks import centre_out, hold, reach
from symplast.bilateral.trial_files import read_trials

__all__ = [
    "DOMINANT",
    "LESIONS",
    "METRICS",
    "MODELS",
    "NEUTRAL",
    "NON_DOMINANT",
    "SPECIALISED",
    "ArmState",
    "Bilateral",
    "ControlledArm",
    "Lesion",
    "MotorLoss",
    "Movements",
    "Muscle",
    "Routed",
    "Trajectory",
    "TwoLinkArm",
    "Unilateral",
    "centre_out",
    "clip_each",
    "compare_groups",
    "hold",
    "learner_of",
    "lesions",
    "metrics_of",
    "motor_adam",
    "move",
    "movement_metrics",
    "networks_of",
    "nonnegative_mixing",
    "reach",
    "read_arm",
    "read_movements",
    "read_trials",
    "trajectory_metrics",
]
