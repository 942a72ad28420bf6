"""One small run of each command, what makes two of them the same, and words that make it smaller when nothing is to
happen in its middle."""

from machines import end_to_end  # noqa: F401
from end_to_end import folds_of, journal_of, model_digest, trail, trials


class Tune:
    # Some seconds on one core, so that it can be disturbed in the middle.
    words = ["--data", "synthetic:forest-cover,rows=1500", "--trials", 8, "--folds", 4, "--seed", 5,
             "--verdict-repeats", 1, "--progress", "none"]
    smaller = []
    survives_workers = True

    @staticmethod
    def result(run_file):
        return trials(run_file), model_digest(run_file)

    @staticmethod
    def is_under_way(run_file):
        return len(folds_of(journal_of(run_file))) >= 3


class Train:
    words = ["--data", "synthetic:mnist,rows=3000", "--model", "lenet", "--epochs", 40, "--seed", 5,
             "--checkpoint-every", 1, "--allreduce", "own", "--progress", "none"]
    smaller = ["--epochs", 8]
    survives_workers = False

    @staticmethod
    def result(run_file):
        return model_digest(run_file)

    @staticmethod
    def is_under_way(run_file):
        return run_file.exists()


class Federate:
    words = ["--data", "synthetic:mnist,rows=2000", "--model", "lenet", "--clients", 20,
             "--fraction-fit", 0.5, "--rounds", 40, "--local-epochs", 4, "--checkpoint-every", 2,
             "--evaluate-every", 10, "--seed", 5, "--progress", "none"]
    smaller = ["--rounds", 8]
    survives_workers = True

    @staticmethod
    def result(run_file):
        return trail(run_file), model_digest(run_file)

    @staticmethod
    def is_under_way(run_file):
        return run_file.exists()


STUDIES = {"tune": Tune, "train": Train, "federate": Federate}
