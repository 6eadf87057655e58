"""The course of a training: data, encoder, embeddings, plan, steps."""

from __future__ import annotations

from collections.abc import Callable

import torch

from autosam.core.checks import look_up
from autosam.core.errors import DataError, Interrupted, ModelError
from autosam.core.files import write_json
from autosam.core.progress import Progress
from autosam.data.augment import AUGMENTATIONS
from autosam.inference.engine import Encoder
from autosam.models.checkpoint import save
from autosam.training.ancestor import seen_before
from autosam.training.beginning import begun_from, keep_first, sources
from autosam.training.build import finished_card, make_card
from autosam.training.cases import Cases, read_cases
from autosam.training.choice import choose
from autosam.training.config import TrainConfig
from autosam.training.encoding import Encoding, find_encoder, make_encoding
from autosam.training.fit import fit
from autosam.training.keeper import Keeper, mean_dice
from autosam.training.memory import within_memory
from autosam.training.networks import Networks, make_networks
from autosam.training.pace import Pace, measure
from autosam.training.plan import decide
from autosam.training.replan import Replanner
from autosam.training.run import RunFolder
from autosam.training.run_config import Plan, write_run_config
from autosam.training.signals import Stop
from autosam.training.state import State, load_state
from autosam.training.summary import write_card
from autosam.training.tiling import Tiling, kept_tiling


class Course:
    """One training from its first look at the data to its last step.

    Args:
        run: where it leaves what it makes.
        config: the choices.
        plan: the written one of a run that goes on; None where the plan is still to be made.
        progress: told of the stages.
        left: seconds until the bound of time.
        stop: whether somebody asked to stop.
    """

    def __init__(
        self,
        run: RunFolder,
        config: TrainConfig,
        plan: Plan | None,
        progress: Progress,
        left: Callable[[], float],
        stop: Stop,
    ) -> None:
        self._run, self._config, self._written = run, config, plan
        self._progress, self._left, self._stop = progress, left, stop
        self._micro_batch = None if plan is None else plan.micro_batch

    def go(self) -> None:
        """Trains to the plan's last step.

        Raises:
            UsageError, DataError, ModelError, Interrupted: as `train` has them.
        """
        run, config, plan = self._run, self._config, self._written
        look_up(config.augment, AUGMENTATIONS, "augmentation")
        state = None
        if plan is None:
            write_run_config(run.config, config, None)
        else:
            torch.set_num_threads(plan.threads)
            state = load_state(run.last)
            if state is not None and state.step >= plan.steps and run.card.exists():
                self._progress.say(f"{run.path}: finished already")
                return
        networks = make_networks(begun_from(config, run.first))
        if state is not None and state.weights.keys() != networks.segmenter.trained().state_dict().keys():
            raise ModelError(
                "was begun by a version whose networks have other parts", file=run.path, cure="Start another --out"
            )
        cases = self._read()
        encoder = self._encoder(networks)
        whole = make_encoding(networks, cases, encoder)
        tiling, cases, count = self._choose(networks, cases, whole)
        encoding = whole.on(tiling, count)
        encoding.fill(cases, tiling, count, self._progress, self._check)
        fitted: Replanner | None = None
        if plan is None:
            plan, fitted = self._plan(networks, cases, encoding, tiling, count)
        elif config.bound is not None:
            self._progress.say(
                f"note: the written plan is finished; time lost since it was made may pass the {config.bound:g} minutes"
            )
        self._progress.say(f"plan: {plan.why}")
        # Of the same checkpoint another precision makes the same masks but for single pixels, in up to twice the time.
        encoding.masker.precision = plan.step_precision
        beginning = sources(config, run.first)
        card = make_card(config, plan, networks.sam, networks.segmenter, cases, beginning)
        if state is None:
            keep_first(run.first, config, networks.segmenter, card)
        keeper = Keeper(run, cases, card, config, plan, encoding.predictor.predict, self._stop, fitted)
        final = self._steps(networks, encoding, keeper, state)
        if final.step < keeper.plan.steps:
            raise Interrupted(
                f"stopped at step {final.step} of {keeper.plan.steps}; everything is kept",
                file=run.path,
                cure="Go on with --resume",
            )
        card = finished_card(card, final, keeper.plan)
        if final.best_step:
            # The last plan may have come after the last checkpoint was written, in a process that was killed then.
            save(run.model, final.best, card)
        keeper.draw(final)
        write_card(run.card, card, config, keeper.plan)

    def _read(self) -> Cases:
        """Returns the cases, which are those of the written plan."""
        cases = read_cases(self._config, self._progress, self._stop)
        if self._written is not None and self._written.data != cases.digest:
            raise DataError(
                "the images or masks have changed since the run was started",
                file=self._config.data,
                cure="Start another --out",
            )
        if self._written is None or not self._run.data.exists():
            init = self._config.init
            before = {} if init is None else seen_before(init, cases, self._progress)
            write_json(self._run.data, {**cases.hashes, **before})
        return cases

    def _encoder(self, networks: Networks) -> Encoder | None:
        """Returns the encoder, which is that of the written plan."""
        encoder = find_encoder(networks, self._written, self._left)
        identity = None if encoder is None else encoder.identity
        if self._written is not None and self._written.encoder != identity:
            raise ModelError(
                f"was started with the encoder [{self._written.encoder}], here is [{identity}]",
                file=self._run.path,
                cure="An exact resume needs the same; install that again or start another --out",
            )
        return encoder

    def _choose(self, networks: Networks, cases: Cases, encoding: Encoding) -> tuple[Tiling, Cases, int]:
        """Returns what is trained on, what is validated on, and the cached views: by the plan, or by time and disk."""
        config, plan = self._config, self._written
        if plan is not None:
            return kept_tiling(config, cases, plan), cases.validated_on(plan.val, config.seed), plan.views
        return choose(networks, cases, encoding, self._left, self._progress)

    def _check(self) -> None:
        if self._stop():
            raise Interrupted(
                "stopped while caching embeddings; those made are kept", file=self._run.path, cure="Go on with --resume"
            )

    def _plan(
        self, networks: Networks, cases: Cases, encoding: Encoding, tiling: Tiling, count: int
    ) -> tuple[Plan, Replanner | None]:
        """Returns the plan and writes it; where there is a bound of time it is measured, and its end will be moved."""
        config, train, val = self._config, len(cases.train), len(cases.val)
        pace = None
        if config.bound is not None:
            first = [(cases.val if len(cases.val) else cases.train).read(0)]

            def score(precision: str) -> object:
                encoding.masker.precision = precision
                return mean_dice(first, encoding.predictor.predict)

            def pace_of(images: int | None) -> Pace:
                return measure(networks.segmenter, encoding.examples, score, config, count, networks.device, images)

            pace = within_memory(pace_of, config.batch, None, self._smaller)
        plan = decide(
            config,
            count,
            pace,
            self._left(),
            train=train,
            val=val,
            held=len(cases.hashes["val"]),
            encoder=encoding.encoder,
            data=cases.digest,
            tiling=tiling,
        ).model_copy(update={"micro_batch": self._micro_batch})
        write_run_config(self._run.config, config, plan)
        return plan, None if pace is None else Replanner(self._left, pace.look(train=train, val=val))

    def _steps(self, networks: Networks, encoding: Encoding, keeper: Keeper, state: State | None) -> State:
        """Returns the last state; with fewer images at a time where memory is too short."""

        def steps(images: int | None) -> State:
            before = state
            if images != keeper.plan.micro_batch:
                # As a resumed training does it: from the last state on, with the plan as it is written now.
                keeper.plan = keeper.plan.model_copy(update={"micro_batch": images})
                write_run_config(self._run.config, self._config, keeper.plan)
                networks.begin_again()
                before = load_state(self._run.last)
            self._run.forget_after(0 if before is None else before.step)
            return fit(
                networks.segmenter,
                networks.shadow,
                encoding.examples,
                config=self._config,
                plan=keeper.plan,
                state=before,
                hooks=keeper.hooks(),
                device=networks.device,
                progress=self._progress,
            )

        return within_memory(steps, self._config.batch, keeper.plan.micro_batch, self._smaller)

    def _smaller(self, images: int) -> None:
        self._micro_batch = images
        self._progress.say(
            f"warning: out of memory; going on with a smaller batch, {images} of {self._config.batch} images at a "
            "time, their gradients summed"
        )
