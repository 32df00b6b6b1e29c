"""The site of training: photo sets, what may be asked for, the pages of a run and of its head. Its engine is elsewhere."""
