from symplast.bilateral.arm import TwoLinkArm
from symplast.bilateral.controllers import Bilateral, Unilateral
from symplast.bilateral.lesioning import LESIONS
from symplast.bilateral.losses import DOMINANT, NEUTRAL, NON_DOMINANT, MotorLoss
from symplast.bilateral.metrics import movement_metrics
from symplast.bilateral.optimising import clip_each, motor_adam, nonnegative_mixing
from symplast.bilateral.rollout import ControlledArm, Trajectory
from symplast.bilateral.routing import Routed
from symplast.bilateral.tasks import centre_out, hold, reach
