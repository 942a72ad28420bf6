"""A run file reads with h5py alone: the file that RunRecord.WritesAFileForH5py left."""
import math
import os
import sys

try:
    import h5py
except ImportError:
    print("h5py is not installed: skipped")
    sys.exit(77)

with h5py.File(os.environ["CANOPY_H5PY_FILE"], "r") as run:
    assert run.attrs["schema"] == "canopy-run/1"
    assert run.attrs["command"] == "tune" and run.attrs["status"] == "interrupted"
    assert run.attrs["exit_code"] == 75 and run.attrs["seed"] == 42
    assert run.attrs["np"] == 4 and run.attrs["nodes"] == 2
    assert run.attrs["wall_seconds"] == 1 / 3 and run.attrs["finished"] == ""
    assert run["settings"].asstr()[0].startswith("trials = 10\n")
    assert run["environment"].attrs["cpu"] == "Some CPU"

    trials = run["trials"]
    assert list(trials) == ["id", "mean_test_score", "status"], list(trials)
    assert trials["id"].dtype == "int64" and list(trials["id"]) == [0, -2**63, 2]
    scores = trials["mean_test_score"]
    assert scores.dtype == "float64" and scores[0] == 0.1 + 0.2
    assert math.isnan(scores[1]) and math.copysign(1, scores[2]) == -1
    assert list(trials["status"].asstr()) == ["complete", "", 'fölle, "quoted"\nline']
    assert run["events/text"].shape == (0,)

    assert run["model/kind"].asstr()[0] == "forest" and run["model/trees"][0] == 2
    model = run["model/arrays"]
    assert model.attrs["criterion"] == "gini" and model.attrs["n_features"] == 54
    assert model["values"].shape == (3, 2) and model["values"][2, 1] == 6
    assert model["threshold"].dtype == "float32" and model["codes"].dtype == "uint8"
    assert list(model["class_names"].asstr()) == ["a", "", "c"]

    try:
        import pandas
    except ImportError:
        print("pandas is not installed: only h5py was tested")
        sys.exit(0)
    # The line of results/README.md.
    frame = pandas.DataFrame({k: v.asstr()[:] if v.dtype.kind == "O" else v[:]
                              for k, v in trials.items()})
    assert list(frame.columns) == ["id", "mean_test_score", "status"] and len(frame) == 3
    assert frame.mean_test_score.isna().tolist() == [False, True, False]
    assert all(isinstance(word, str) for word in frame.status)
    assert frame.id.dtype == "int64" and frame.status[0] == "complete"
