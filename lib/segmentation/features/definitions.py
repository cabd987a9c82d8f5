"""The features of a configuration, before anything is learned from the customers."""

from datetime import date

from segmentation.config import Features
from segmentation.model.features import Feature


def defined_features(
    features: Features, *, as_of: date | None, zone: str = "UTC"
) -> tuple[Feature, ...]:
    """The features of a configuration, in its order: numbers first, then categories.

    ``as_of`` is the day from which the days of dates are counted back, in the calendar of ``zone``.
    """
    if features.dates and as_of is None:
        raise ValueError("dates need a day from which they are counted back")
    found = []
    for each in features.numeric:
        transform = each.transform or features.transform
        negative = each.negative or features.negative
        found.append(
            Feature(
                each.name,
                "numeric",
                missing=each.missing or features.missing,
                negative=negative,
                transform="signed" if (transform, negative) == ("log1p", "signed") else transform,
                weight=each.weight,
            )
        )
    for band in features.ordered:
        found.append(
            Feature(
                band.name,
                "ordered",
                missing=band.missing or features.missing,
                weight=band.weight,
                bands=tuple(each.strip() for each in band.order),
            )
        )
    for day in features.dates:
        found.append(
            Feature(
                day.name,
                "date",
                missing=day.missing or features.missing,
                transform=day.transform or features.transform,
                weight=day.weight,
                format=day.format,
                zone=zone,
                as_of=as_of,
            )
        )
    for flag in features.boolean:
        missing = flag.missing or features.missing
        found.append(Feature(flag.name, "boolean", missing=missing, weight=flag.weight))
    for column in features.categorical:
        missing_category = column.missing or features.missing
        found.append(
            Feature(column.name, "categorical", missing=missing_category, weight=column.weight)
        )
    return tuple(found)
