"""An app that a worker under test installs: its traces take long enough to be killed in the middle, or one kills its worker."""
