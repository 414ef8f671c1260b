"""The API: models of AkidJob, the one source of its CustomResourceDefinition."""
