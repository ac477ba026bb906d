"""Weight decay beside the step.

As every library does, the decay is multiplied by the learning rate; the paper multiplies it by the
schedule alone (`optlib.dialects`).
"""

from optlib.rules.adam import adam
from optlib.rules.momentum import sgdm
from optlib.rules.wrappers import decoupled

sgdw = decoupled(
    sgdm,
    name="sgdw",
    title="SGDW",
    doc="SGDW: SGDM with decoupled decay (Loshchilov & Hutter 2019, Algorithm 1).",
)

adamw = decoupled(
    adam,
    name="adamw",
    title="AdamW",
    doc="AdamW: Adam with decoupled decay (Loshchilov & Hutter 2019, Algorithm 2).",
)
