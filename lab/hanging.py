"""What does not hang together in a config's plain values: keys that are right by themselves and wrong beside each other."""

from lab import methods


def contradictions(values: dict, usual: dict) -> list[str]:
    """One line for each, beginning with its keys. Some values may be wrong in themselves; `usual` are the defaults."""
    problems = []
    steps = values.get("max_steps")
    epochs = values.get("epochs", None if steps is not None else usual["epochs"])
    if (epochs is None) == (steps is None):
        problems.append("epochs, max_steps: give exactly one of them")
    scored = values.get("evaluate_at")
    scored = [x for x in scored if isinstance(x, int)] if isinstance(scored, list) else []
    if isinstance(epochs, int) and scored and max(scored) > epochs:
        problems.append(f"evaluate_at: epoch {max(scored)} lies after the last epoch, {epochs}")
    given = values.get("adapter")
    adapter = {**usual["adapter"], **(given if isinstance(given, dict) else {})}
    targets = adapter["targets"]
    if targets == [] or (isinstance(targets, list) and "lm_head" in targets):
        problems.append("adapter.targets: name at least one layer, and not lm_head, which is never adapted")
    name = adapter["method"]
    if not isinstance(name, str) or name not in methods.METHODS:
        return problems
    if methods.of(name).is_whole and values.get("quantization", usual["quantization"]) != "none":
        problems.append(f"adapter.method: {name} trains all weights, which needs quantization: none")
    return problems + _of_the_method(methods.of(name), adapter, usual["adapter"])


def _of_the_method(method: methods.Method, adapter: dict, usual: dict) -> list[str]:
    """What in the keys of an adapter contradicts its method. A key that says its default says nothing."""
    problems = []
    for key in usual:
        if key in methods.KEYS - method.keys and adapter[key] != usual[key]:
            owners = " and ".join(methods.owners(key))
            problems.append(f"adapter.{key}: belongs to the method {owners}, not to {method.name}")
    if method.name == "adalora":
        first, last, start, end = (adapter[key] for key in ("initial_r", "target_r", "tinit", "tfinal"))
        if isinstance(first, int) and isinstance(last, int) and last >= first:
            problems.append(f"adapter.target_r: {last} must be less than initial_r, {first}, from which ranks fall")
        if isinstance(start, int | float) and isinstance(end, int | float) and start + end >= 1:
            problems.append(
                "adapter.tinit, adapter.tfinal: less than 1 together, or no steps are left for ranks to fall"
            )
    return problems
