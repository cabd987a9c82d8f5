"""The transform that ``auto`` chooses, and whom the fitted feature labels."""

import numpy as np
import pyarrow as pa

from segmentation.features.encoding import _with_transform
from segmentation.model.evaluation import Evaluation
from segmentation.model.features import Feature, number, rules


def test_a_negative_that_is_clipped_to_a_bound_breaks_no_rule_of_auto():
    feature = Feature("spend", transform="auto", bounds=(0.0, 1000.0))
    values = np.array([0.0, 0.0, 1.0, 2.0, 4.0, 1000.0])
    fitted = _with_transform(feature, values, lowest=0.0)
    assert fitted.transform == "log1p"
    evaluation = Evaluation(pa.table({"spend": [-5.0, 3.0, 5000.0]}))
    assert evaluation.array(number(fitted)).to_pylist() == [0.0, 3.0, 1000.0]
    broken = [evaluation.array(condition).to_pylist() for _, _, condition in rules(fitted)]
    assert not any(map(any, broken))
