"""BinaryAdderRNN in scikit-learn's hands: clones, searches, scorers, and its own checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from binadd import BinaryAdderRNN, InvalidInputError, bits
from binadd.kernels import load
from binadd.kernels.contract import Architecture

base = pytest.importorskip("sklearn.base")
metrics = pytest.importorskip("sklearn.metrics")
selection = pytest.importorskip("sklearn.model_selection")
estimator_checks = pytest.importorskip("sklearn.utils.estimator_checks")

STEPS = 4


def data(count: int = 60, steps: int = STEPS) -> tuple[Any, Any]:
    """Bits of pairs, and those of their sums: each step's bit is 0 and 1 often enough."""
    X = np.random.default_rng(0).integers(0, 2, (count, steps, 2)).astype(np.uint8)
    return X, load("python").exact_sums(Architecture(1), bits.pack_symbols(X))


# Clones and searches -----------------------------------------------------------------------------


class Smoothed(BinaryAdderRNN):
    """A subclass with parameters of its own; the others are those of the class above."""

    def __init__(self, passes: int = 1, **params: Any) -> None:
        super().__init__(**params)
        self.passes = passes

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Smoothed:
        super().fit(X, y)
        for _ in range(self.passes - 1):
            self.partial_fit(X, y)
        return self


class Wide(BinaryAdderRNN):
    """A subclass that decides about most parameters itself."""

    def __init__(self, width: int = 1, seed: int = 0) -> None:
        super().__init__(4 * width, seed=seed, epochs=2)
        self.width = width


def test_a_clone_has_the_parameters_and_no_training() -> None:
    X, y = data()
    net = BinaryAdderRNN(4, recipe="adam", learning_rate=0.02, dtype=np.float32).fit(X, y)
    duplicate = base.clone(net)
    assert duplicate.get_params() == net.get_params()
    assert duplicate == BinaryAdderRNN(4, recipe="adam", dtype="float32") != net


def test_a_subclass_is_cloned_set_and_searched() -> None:
    X, y = data()
    net = Smoothed(2, hidden_size=3, learning_rate=0.2, seed=1)
    assert net.get_params() == {
        "passes": 2,
        **BinaryAdderRNN(3, learning_rate=0.2, seed=1).get_params(),
    }
    assert repr(net) == "Smoothed(passes=2, hidden_size=3, learning_rate=0.2, seed=1)"
    for duplicate in (base.clone(net.fit(X, y)), Smoothed().set_params(**net.get_params())):
        assert (duplicate.passes, duplicate.learning_rate) == (2, 0.2)
        assert duplicate == BinaryAdderRNN(3, seed=1)
    assert base.clone(net).fit(X, y) == net
    search = selection.GridSearchCV(Smoothed(), {"hidden_size": [2, 5], "passes": [1, 3]}, cv=2)
    best = search.fit(X, y).best_estimator_
    assert best.settings.hidden_size == search.best_params_["hidden_size"]
    assert best.state.updates == (10 + search.best_params_["passes"] - 1) * len(X)


def test_a_subclass_with_a_signature_of_its_own() -> None:
    X, y = data()
    net = Wide(2, seed=3)
    assert net.get_params() == {"width": 2, "seed": 3} and repr(net) == "Wide(width=2, seed=3)"
    assert base.clone(net) == net and base.clone(net).width == 2
    assert net.set_params(width=3).settings.hidden_size == 12
    best = selection.GridSearchCV(Wide(), {"width": [1, 2]}, cv=2).fit(X, y).best_estimator_
    assert best.settings.hidden_size == 4 * best.width
    with pytest.raises(InvalidInputError, match="'hidden_size' is not a parameter of a network"):
        net.set_params(hidden_size=3)


def test_setting_a_subclass_keeps_its_weights_where_it_can() -> None:
    X, y = data()
    net = Smoothed(hidden_size=3).fit(X, y)
    state = net.state
    assert net.set_params(passes=5, learning_rate=0.3).state is state
    with pytest.raises(InvalidInputError, match="hidden_size must be at least 1"):
        net.set_params(passes=7, hidden_size=0)
    assert net.passes == 5 and net.state is state
    assert net.set_params(hidden_size=5).settings.hidden_size == 5


def test_searches_find_what_learns() -> None:
    X, y = data(steps=3)
    assert base.is_classifier(BinaryAdderRNN())
    scores = selection.cross_val_score(BinaryAdderRNN(8, epochs=15), X, y, cv=3)
    assert scores.shape == (3,) and scores.min() > BinaryAdderRNN(8).score(X, y)
    search = selection.GridSearchCV(BinaryAdderRNN(4, epochs=2), {"hidden_size": [2, 8]}, cv=2)
    assert search.fit(X, y).best_params_["hidden_size"] in (2, 8)


def test_pipelines_and_scores() -> None:
    pipeline = pytest.importorskip("sklearn.pipeline")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    encode = preprocessing.FunctionTransformer(bits.encode, kw_args={"length": 4})
    whole = pipeline.make_pipeline(encode, BinaryAdderRNN(8, epochs=2))
    pairs = np.array([(a, b) for a in range(6) for b in range(6)])
    sums = (pairs.sum(1)[:, None] >> np.arange(4) & 1).astype(np.uint8)
    assert whole.fit(pairs, sums).predict(pairs).shape == sums.shape
    for scoring in ("accuracy", "f1_micro"):
        scores = selection.cross_val_score(whole, pairs, sums, cv=3, scoring=scoring)
        assert np.isfinite(scores).all(), scoring


# The bits of a sum are labels, as many as there are steps ----------------------------------------


NET = BinaryAdderRNN(8, epochs=4)


def by_hand(method: str, X: Any, y: Any, folds: int = 3) -> Any:
    """Return what cross-validation should find: answers for each fold, trained without it."""
    answers = np.empty(y.shape)
    for train, test in selection.KFold(folds).split(X):
        answers[test] = getattr(base.clone(NET).fit(X[train], y[train]), method)(X[test])
    return answers


def test_labels_are_the_steps() -> None:
    X, y = data(steps=5)
    np.testing.assert_array_equal(BinaryAdderRNN(4).classes_, np.arange(8))
    np.testing.assert_array_equal(BinaryAdderRNN(4, operands=3).classes_, np.arange(32))
    for net in (BinaryAdderRNN(4, epochs=1).fit(X, y), BinaryAdderRNN(4).partial_fit(X, y)):
        np.testing.assert_array_equal(net.classes_, np.arange(5))
        np.testing.assert_array_equal(net.copy().classes_, np.arange(5))
        np.testing.assert_array_equal(net.set_params(momentum=0.5).classes_, np.arange(5))
        np.testing.assert_array_equal(net.set_params(seed=3).classes_, np.arange(8))


@pytest.mark.parametrize("method", ["predict_proba", "decision_function", "predict"])
def test_cross_val_predict(method: str) -> None:
    X, y = data()
    found = selection.cross_val_predict(NET, X, y, cv=selection.KFold(3), method=method)
    np.testing.assert_array_equal(found, by_hand(method, X, y))


@pytest.mark.parametrize(
    ("scoring", "score", "method"),
    [
        ("roc_auc", metrics.roc_auc_score, "decision_function"),
        ("average_precision", metrics.average_precision_score, "decision_function"),
        ("neg_mean_squared_error", lambda *a: -metrics.mean_squared_error(*a), "predict"),
    ],
)
def test_named_scorers(scoring: str, score: Any, method: str) -> None:
    X, y = data()
    cv = selection.KFold(3)
    found = selection.cross_val_score(NET, X, y, cv=cv, scoring=scoring)
    answers = by_hand(method, X, y)
    assert found.tolist() == [score(y[test], answers[test]) for _, test in cv.split(X)]


@pytest.mark.parametrize("count", [60, STEPS])
@pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
def test_a_scorer_gets_the_answers_of_every_step(count: int, method: str) -> None:
    """Also where there are as many sequences as steps, and one step's shape fits as well."""
    X, y = data(count)
    net = base.clone(NET).fit(*data())
    scorer = metrics.make_scorer(metrics.label_ranking_loss, response_method=method)
    assert scorer(net, X, y) == metrics.label_ranking_loss(y, getattr(net, method)(X))
    error = metrics.make_scorer(metrics.mean_squared_error, response_method=method)
    assert error(net, X, y) == metrics.mean_squared_error(y, getattr(net, method)(X))


def test_a_search_over_probabilities() -> None:
    X, y = data()
    score = metrics.make_scorer(metrics.roc_auc_score, response_method="predict_proba")
    search = selection.GridSearchCV(NET, {"hidden_size": [2, 8]}, scoring=score, cv=2)
    assert np.isfinite(search.fit(X, y).cv_results_["mean_test_score"]).all()


def test_learning_curves_in_parts() -> None:
    X, y = data()
    net = BinaryAdderRNN(4)
    sizes, _, tests = selection.learning_curve(
        net, X, y, cv=selection.KFold(2), exploit_incremental_learning=True, train_sizes=[10, 30]
    )
    first = base.clone(net).partial_fit(X[30:40], y[30:40], classes=[0, 1])
    assert tests[0, 0] == first.score(X[:30], y[:30]) and sizes.tolist() == [10, 30]
    assert tests[1, 0] == first.partial_fit(X[40:], y[40:]).score(X[:30], y[:30])


# scikit-learn's own checks -----------------------------------------------------------------------


def test_tags() -> None:
    tags = pytest.importorskip("sklearn.utils").get_tags(BinaryAdderRNN())
    assert not tags.requires_fit and not tags.target_tags.required
    assert tags.input_tags.positive_only and tags.input_tags.three_d_array
    assert not tags.input_tags.two_d_array
    assert tags.classifier_tags.multi_label and not tags.classifier_tags.multi_class


class OnRows(BinaryAdderRNN):
    """The network on what scikit-learn's checks have: rows of numbers, of which it takes signs."""

    def __init__(self, hidden_size: int = 3, *, operands: int = 1, **params: Any) -> None:
        super().__init__(hidden_size, operands=operands, **params)

    def fit(self, X: Any, y: Any = None) -> OnRows:
        super().fit(signs(X))
        return self

    def partial_fit(self, X: Any, y: Any = None, classes: Any = None) -> OnRows:
        super().partial_fit(signs(X))
        return self

    def predict(self, X: Any) -> Any:
        return super().predict(signs(X))

    def predict_proba(self, X: Any) -> Any:
        return super().predict_proba(signs(X))

    def decision_function(self, X: Any) -> Any:
        return super().decision_function(signs(X))

    def score(self, X: Any, y: Any = None) -> float:
        return super().score(signs(X))


def signs(X: Any) -> Any:
    """Bits (n, T, 1)."""
    return (np.asarray(X)[..., None] > np.median(X)).astype(np.uint8)


@pytest.mark.filterwarnings("ignore:Estimator .* does not inherit")
@pytest.mark.filterwarnings("ignore:.*recommended to delay parameter validation")
@pytest.mark.parametrize(
    "check",
    [
        "estimator_cloneable",
        "estimator_repr",
        "estimator_tags_renamed",
        "get_params_invariance",
        "mixin_order",
        "n_features_in_after_fitting",
        "no_attributes_set_in_init",
        "parameters_default_constructible",
        "set_params",
        "valid_tag_types",
    ],
)
@pytest.mark.parametrize("kind", [BinaryAdderRNN, OnRows, Smoothed])
def test_checks_of_parameters(kind: type[BinaryAdderRNN], check: str) -> None:
    if kind is Smoothed and check == "no_attributes_set_in_init":
        pytest.skip("for scikit-learn, all attributes are parameters, and **params are none")
    getattr(estimator_checks, f"check_{check}")(kind.__name__, kind())


@pytest.mark.parametrize(
    "check",
    [
        "dict_unchanged",
        "dont_overwrite_parameters",
        "estimators_fit_returns_self",
        "estimators_overwrite_params",
        "estimators_pickle",
        "f_contiguous_array_estimator",
        "fit_check_is_fitted",
        "fit_idempotent",
        "fit_score_takes_y",
        "pipeline_consistency",
        "readonly_memmap_input",
    ],
)
def test_checks_of_training(check: str) -> None:
    getattr(estimator_checks, f"check_{check}")("OnRows", OnRows(epochs=2))


def test_the_check_of_pickles_that_are_memory_maps() -> None:
    estimator_checks.check_estimators_pickle("OnRows", OnRows(epochs=2), readonly_memmap=True)
