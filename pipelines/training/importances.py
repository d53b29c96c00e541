"""Importances: how much each setting of a search mattered."""

import optuna

MIN_SCORED_TRIALS = 8  # trials with a score, below which importances are noise


def setting_importances(study: optuna.Study) -> dict[str, float]:
    """How much each setting mattered, by Optuna; empty where there are too few scores to tell.

    All trials are judged by their score on the first rung, which every one of them reaches: by the last, only the few
    good ones could be judged.
    """
    scored = [trial for trial in study.get_trials(deepcopy=False) if trial.intermediate_values]
    if len(scored) < MIN_SCORED_TRIALS:
        return {}
    first_rung_study = optuna.create_study(direction=study.direction)
    for trial in scored:
        value = trial.intermediate_values[min(trial.intermediate_values)]
        first_rung_study.add_trial(
            optuna.trial.create_trial(params=trial.params, distributions=trial.distributions, value=value)
        )
    shares: dict[str, float] = optuna.importance.get_param_importances(first_rung_study)
    return dict(sorted(shares.items(), key=lambda share: (-share[1], share[0])))  # Optuna leaves equal ones unordered
