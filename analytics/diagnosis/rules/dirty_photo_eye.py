"""Dirty photo-eye."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="dirty_photo_eye",
    kind="labeller",
    title="Dirty photo-eye",
    part="photo_eye",
    signs=(
        Sign("gain", "down", 4.0),
        Sign("stops", "up", 1.0, early=False),
    ),
    next_check="clean the photo-eye and compare the gain",
    act="clean the photo-eye",
    growth=Growth("gain", "linear", typical_life_h=7.0, spread=0.2, duty="running", widen=1.7),
)
