"""Two processes over gloo, DDP and FSDP2, end where one process ends."""

import copy
from functools import partial

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.distributed.checkpoint import state_dict as checkpoint
from torch.distributed.device_mesh import init_device_mesh
from torch.nn.parallel import DistributedDataParallel

import optlib.torch as ours
from optlib.torch import Adam, Lookahead

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (dist.is_available() and dist.is_gloo_available()),
        reason="this build of torch has no gloo; the wheels of Linux and macOS have it",
    ),
]

WORLD = 2
STEPS = 6
OPTIONS = {"lr": 0.01, "weight_decay": 0.1}
MAKE = {
    cls.__name__: partial(cls, **OPTIONS)
    for cls in vars(ours).values()
    if ours.RuleOptimizer in getattr(cls, "__bases__", ())
} | {
    # torch begins a load by a step at rate 0, and AdaBound's lower bound lets decay move even then.
    "AdaBound": partial(ours.AdaBound, lr=0.01),
    # With so wide a tolerance it switches at its second step.
    "SWATS": partial(ours.SWATS, **OPTIONS, tol=1e3),
    "Lookahead": lambda params: Lookahead(Adam(params, **OPTIONS), k=2),
    "Lookahead around torch's": lambda params: Lookahead(torch.optim.Adam(params, 0.01), k=2),
}


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3))


def train(net, optimizer, rank=0, world=1):
    """Steps on this process' share of each batch."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(STEPS):
        batch = torch.randn(8, 5, generator=generator).chunk(world)[rank]
        optimizer.zero_grad()
        (net(batch) - 1).pow(2).mean().backward()
        optimizer.step()


def whole(net):
    """All parameters of a network, brought together."""
    values = (p.detach() for p in net.parameters())
    return [v.full_tensor() if hasattr(v, "full_tensor") else v.clone() for v in values]


def switch(optimizer):
    return optimizer.switch if isinstance(optimizer, ours.SWATS) else None


def process(rank, folder):
    """One of the processes: for each class what DDP and FSDP2 end at, and FSDP2 gone on."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=WORLD
    )
    mesh = init_device_mesh("cpu", (WORLD,))
    found = {name: _ends(make, rank, mesh) for name, make in MAKE.items()}
    if rank == 0:
        torch.save(found, folder / "found.pt")
    dist.destroy_process_group()


def _ends(make, rank, mesh):
    net = DistributedDataParallel(network())
    optimizer = make(net.parameters())
    train(net, optimizer, rank, WORLD)
    found = {"DDP": (whole(net), switch(optimizer))}

    net, optimizer = _sharded(make, mesh)
    train(net, optimizer, rank, WORLD)
    found["FSDP2"] = whole(net), switch(optimizer)

    saved = copy.deepcopy(checkpoint.get_optimizer_state_dict(net, optimizer))
    twin, other = _sharded(make, mesh)
    twin.load_state_dict(net.state_dict())
    checkpoint.set_optimizer_state_dict(twin, other, saved)
    for one, steps in ((net, optimizer), (twin, other)):
        train(one, steps, rank, WORLD)
    found["went on"], found["loaded"] = whole(net), whole(twin)
    return found


def _sharded(make, mesh):
    from torch.distributed.fsdp import fully_shard

    net = network()
    for layer in (net[0], net[2], net):
        fully_shard(layer, mesh=mesh)
    return net, make(net.parameters())


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What two processes found, all classes in one run."""
    folder = tmp_path_factory.mktemp("processes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLOO_SOCKET_IFNAME", "lo")  # no name of this machine need be known
        mp.spawn(process, (folder,), nprocs=WORLD)
    return torch.load(folder / "found.pt")


@pytest.mark.parametrize("kind", ["DDP", "FSDP2"])
@pytest.mark.parametrize("name", MAKE)
def test_two_processes_end_where_one_does(found, name, kind):
    net = network()
    optimizer = MAKE[name](net.parameters())
    train(net, optimizer)
    values, switched = found[name][kind]
    for mine, theirs in zip(whole(net), values, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
    assert not all(map(torch.equal, values, whole(network())))
    if name == "SWATS":
        assert switched == pytest.approx(switch(optimizer), rel=1e-4)
        assert switched[0] == 2


@pytest.mark.parametrize("name", MAKE)
def test_a_sharded_state_is_saved_and_loaded(found, name):
    for mine, theirs in zip(found[name]["went on"], found[name]["loaded"], strict=True):
        assert torch.equal(mine, theirs)
