"""Sentences of the pages of drift and of the week, in Portuguese and in English."""

from collections.abc import Mapping
from types import MappingProxyType

DRIFT: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        # the page of the week
        "week_title": ("A semana", "The week"),
        "week_trained": ("Treinados e promovidos", "Trained and promoted"),
        "week_model": ("Modelo", "Model"),
        "week_day": ("Dia", "Day"),
        "week_gates": ("Provas passadas", "Gates passed"),
        "week_alias": ("Apelido", "Alias"),
        "week_traded": ("Operado", "Traded"),
        "week_decisions": ("Decisões", "Decisions"),
        "week_fills": ("Execuções", "Fills"),
        "week_fees": ("Custos", "Fees"),
        "week_nothing": ("Nada nesta semana.", "Nothing this week."),
        "week_no_drift": ("Deriva não verificada nesta semana.", "Drift was not checked this week."),
        # the page of drift
        "watch_asks": (
            "O mercado deixou o do treino: novo treino pedido no pregão de {0}.",
            "The market has left that of training: retraining asked for at the session of {0}.",
        ),
        "watch_seen": (
            "Há deriva no último pregão; ainda não por pregões bastantes para pedir novo treino.",
            "There is drift at the last session; not yet in enough sessions to ask for retraining.",
        ),
        "watch_calm": ("Nenhuma deriva no último pregão.", "No drift at the last session."),
        "watch_never_promotes": (
            "Um pedido só leva a treinar; promover continua a depender das provas e de uma pessoa.",
            "A request only leads to training; promotion still depends on the evidence and on a person.",
        ),
        "watch_cause_mean": ("nível das entradas", "level of the inputs"),
        "watch_cause_variance": ("dispersão das entradas", "spread of the inputs"),
        "watch_cause_concept": ("sentido das entradas para o alvo", "what the inputs mean for the label"),
        "watch_cause_label": ("frequência dos alvos", "shares of the labels"),
        "watch_cause_cost": ("custo de execução", "cost of execution"),
        "watch_cause_performance": ("resultado", "results"),
        "watch_sessions": ("Pregão a pregão", "Session by session"),
        "watch_session": ("Pregão", "Session"),
        "watch_causes": ("O que mudou", "What drifted"),
        "watch_nothing": ("nada", "nothing"),
        "watch_asked": ("pede novo treino", "asks for retraining"),
        "watch_inputs": ("Entradas em conjunto", "Inputs together"),
        "watch_measure": ("Medida", "Measure"),
        "watch_size": ("Tamanho", "Size"),
        "watch_p": ("Valor p", "p-value"),
        "watch_reference": ("No treino", "In training"),
        "watch_current": ("Agora", "Now"),
        "watch_numbers": ("Números por pregão", "Numbers of sessions"),
        "watch_up_share": ("alvos de alta, entre os decididos", "labels up, of the decided"),
        "watch_decided_share": ("alvos decididos", "labels decided"),
        "watch_bias": ("viés das probabilidades", "bias of the probabilities"),
        "watch_slope": ("inclinação da calibração", "slope of the calibration"),
        "watch_cost": ("custo por contrato, R$", "cost per contract, R$"),
        "watch_fall": (
            "Queda acumulada do resultado: {0} desvios de um pregão.",
            "Cumulative fall of results: {0} deviations of a session.",
        ),
        "watch_classifier": (
            "Um classificador separa pregões novos e antigos com AUC {0}; entre pregões do treino, até {1}.",
            "A classifier tells new sessions from old ones with AUC {0}; among sessions of training, up to {1}.",
        ),
        "watch_executions": (
            "Execuções: {0} pregões do diário do robô, {1} de simulação.",
            "Executions: {0} sessions from the runner's journal, {1} from a replay.",
        ),
        "watch_feature": ("Entrada", "Feature"),
        "watch_band": ("Faixa", "Band"),
        "watch_moved": ("O que se moveu", "What moved"),
        "watch_drifted": ("derivou", "drifted"),
        "watch_features": (
            "Entradas que mais se moveram (traço: faixa sem deriva)",
            "Inputs that moved most (mark: band without drift)",
        ),
    }
)
