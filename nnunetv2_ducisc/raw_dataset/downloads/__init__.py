"""From a public download to a raw dataset: what the scripts in dataset_conversion/ share."""
