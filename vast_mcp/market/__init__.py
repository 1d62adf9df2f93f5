"""The market of offers: what is searched, how it is ranked, which GPUs and terms there are."""
