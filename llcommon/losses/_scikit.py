"""What the scikit-learn estimators of several models share."""


def with_scaling(data, estimator):
    """An estimator of scaled features as one of raw features: behind a scaler, if the data are scaled at all."""
    if data.scaling == "none":
        return estimator
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler()
    scaler.mean_ = data.shift.copy()
    scaler.scale_ = data.scale.copy()
    scaler.var_ = data.scale**2
    scaler.n_features_in_ = len(data.shift)
    scaler.n_samples_seen_ = len(data.features)
    return Pipeline([("scale", scaler), ("estimator", estimator)])
