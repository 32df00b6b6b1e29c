"""An app that a worker under test installs, so that its traces take long enough to be killed in the middle."""
