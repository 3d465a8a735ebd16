"""Every sentence of the pages that traders read, in Portuguese and in English."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from markupsafe import Markup

from backtest.drift_messages import DRIFT
from backtest.finding_messages import FINDINGS
from backtest.refusal_messages import REFUSALS


class Message(NamedTuple):
    """One sentence in both languages."""

    pt: str
    en: str


MESSAGES: Mapping[str, Message] = MappingProxyType(
    {
        key: Message(*pair)
        for key, pair in {
            # banners and verdicts
            "synthetic": (
                "DADOS SINTÉTICOS: nenhum número deste relatório diz algo sobre o mercado real.",
                "SYNTHETIC DATA: no number in this report says anything about the real market.",
            ),
            "insufficient": (
                "Amostra insuficiente: menos de 100 operações completas. Os números abaixo não sustentam uma decisão.",
                "Insufficient sample: fewer than 100 round trips. The numbers below do not support a decision.",
            ),
            "in_sample": (
                "Pregões até o último do treino: {0}. O modelo já os viu; o resultado deles não prova nada.",
                "Sessions up to the last of training: {0}. The model has seen them; their result proves nothing.",
            ),
            "halted": (
                "Bloqueios: {0}. Depois de cada um nada mais foi aberto naquele pregão; os que só uma pessoa encerra "
                "duram até o fim do teste.",
                "Locks: {0}. After each nothing more was entered in that session; those that only a person ends last "
                "to the end of the test.",
            ),
            "absent": ("Não faz parte desta execução.", "Not part of this run."),
            "passed": ("passou", "passed"),
            "failed": ("falhou", "failed"),
            "not_judged": ("não avaliado", "not judged"),
            "yes": ("sim", "yes"),
            "no": ("não", "no"),
            "not_checked": ("não verificada", "not checked"),
            # the data summary
            "data_title": ("Validação dos dados", "Data validation"),
            "data_suite": ("Conjunto", "Suite"),
            "data_checks": ("Regras", "Checks"),
            "data_result": ("Resultado", "Result"),
            "data_rows": ("Registros", "Records"),
            "data_series": ("Séries", "Series"),
            "data_sessions": ("Pregões", "Sessions"),
            "data_verdict_refused": (
                "Séries recusadas: {0} de {1}. Não as use antes de corrigir.",
                "Series refused: {0} of {1}. Do not use them until they are corrected.",
            ),
            "data_verdict_told": (
                "Nenhuma série recusada; com avisos: {0} de {1}.",
                "No series refused; with notices: {0} of {1}.",
            ),
            "data_verdict_clean": ("Nada encontrado: os dados servem.", "Nothing found: the data may be used."),
            "data_refused": ("Recusadas", "Refused"),
            "data_told": ("Com avisos", "With notices"),
            "data_clean": ("Sem avisos", "Without notices"),
            "data_notices": ("Avisos", "Notices"),
            "data_period": ("Período", "Period"),
            "data_source": ("Arquivos", "Files"),
            "data_prices": ("Preços", "Prices"),
            "data_gaps": ("Buracos por causa", "Gaps by cause"),
            "data_no_gaps": ("nenhum", "none"),
            "data_gap_count": ("Vezes", "Times"),
            "data_gap_minutes": ("Minutos", "Minutes"),
            "data_volume_contracts": (
                "Contratos por meia hora, mediana dos pregões",
                "Contracts per half hour, median session",
            ),
            "data_volume_shares": ("Ações por meia hora, mediana dos pregões", "Shares per half hour, median session"),
            "data_volume_units": ("Unidades por meia hora, mediana dos pregões", "Units per half hour, median session"),
            "data_unit_contracts": ("contratos", "contracts"),
            "data_unit_shares": ("ações", "shares"),
            "data_unit_units": ("unidades", "units"),
            "data_gap_sessions": ("Pregões inteiros", "Whole sessions"),
            "data_holds": ("aprovada", "holds"),
            "data_tells": ("com avisos", "with notices"),
            "data_refuses": ("recusada", "refused"),
            "data_empty": (
                "Ainda não há dados: importe um arquivo com pregao import.",
                "There are no data yet: import a file with pregao import.",
            ),
            "data_docs": ("Data Docs completos em", "Full Data Docs in"),
            "data_bars": ("barras de {0}", "bars of {0}"),
            "data_daily": ("barras diárias", "daily bars"),
            "data_suite_trades": ("negócios", "trades"),
            "data_suite_quotes": ("melhores ofertas", "quotes"),
            "data_suite_book": ("livro", "book"),
            "data_suite_bars": ("barras", "bars"),
            "data_suite_series": ("série", "series"),
            "data_origin_real": ("real", "real"),
            "data_origin_synthetic": ("sintética", "synthetic"),
            "data_origin_mixed": ("parte sintética", "partly synthetic"),
            "data_origin_doubted": ("duvidosa", "doubted"),
            "data_basis_raw": ("negociados", "as traded"),
            "data_basis_recovered": ("recuperados pelo volume financeiro", "recovered from the turnover"),
            "data_basis_back_adjusted": ("ajustados na rolagem", "back-adjusted"),
            "data_cause_no_trade": ("sem negócios", "no trade"),
            "data_cause_feed_loss": ("perda de dados", "feed loss"),
            "data_cause_auction": ("leilão", "auction"),
            "data_cause_halt": ("interrupção", "halt"),
            "data_cause_holiday": ("feriado", "holiday"),
            "data_cause_truncated_export": ("arquivo cortado", "truncated export"),
            **DRIFT,
            **FINDINGS,
            # sections
            "section_headline": ("Resultado", "Result"),
            "section_equity": ("Patrimônio e queda", "Equity and drawdown"),
            "section_prices": ("Execuções sobre o preço", "Fills on the price"),
            "title_refusals": ("O que não foi executado", "What was not traded"),
            "title_halts": ("Bloqueios", "Locks"),
            "title_instruments": ("Por instrumento", "By instrument"),
            "section_regime": ("Por regime", "By regime"),
            "section_months": ("Notas de corretagem por mês", "Broker's notes by month"),
            "section_hour": ("Por hora de entrada", "By hour of entry"),
            "section_calibration": ("Calibração", "Calibration"),
            "section_importance": ("Importância das variáveis", "Feature importance"),
            "section_permutation": ("Falta que cada variável faz", "What is lost without each feature"),
            "section_shapley": ("Peso nas respostas (Shapley)", "Weight in the answers (Shapley)"),
            "section_folds": ("Resultado por etapa", "Result by fold"),
            "section_learning": ("Curva de aprendizado", "Learning curve"),
            "section_coverage": ("Cobertura dos conjuntos de previsão", "Coverage of the prediction sets"),
            "section_yardstick": ("Contra a floresta de referência", "Against the yardstick"),
            "section_gates": ("Critérios de promoção", "Promotion gates"),
            "section_drift": ("Deriva das entradas", "Input drift"),
            "section_paper": ("Sessões simuladas", "Paper sessions"),
            "section_provenance": ("Procedência", "Provenance"),
            "section_lineage": ("Linhagem", "Lineage"),
            "section_notes": ("Como os números são calculados", "How the numbers are made"),
            # headline numbers
            "metric_net": ("Resultado líquido", "Net P&L"),
            "metric_sharpe": ("Sharpe anualizado", "Annualised Sharpe"),
            "metric_deflated_sharpe": ("Sharpe deflacionado", "Deflated Sharpe"),
            "metric_probabilistic_sharpe": ("Sharpe probabilístico", "Probabilistic Sharpe"),
            "metric_max_drawdown": ("Queda máxima", "Maximum drawdown"),
            "metric_profit_factor": ("Fator de lucro", "Profit factor"),
            "metric_hit_rate": ("Taxa de acerto", "Hit rate"),
            "metric_round_trips": ("Operações completas", "Round trips"),
            "metric_average": ("Média por operação", "Average per round trip"),
            "metric_gross": ("Resultado bruto", "Gross P&L"),
            "metric_fees": ("Custos", "Fees"),
            "metric_exposure": ("Tempo posicionado", "Exposure"),
            "metric_turnover": ("Giro por sessão", "Turnover per session"),
            "metric_sessions": ("Sessões", "Sessions"),
            "metric_fills": ("Execuções", "Fills"),
            # table columns
            "column_rows": ("Linhas", "Rows"),
            "column_covered": ("Dentro do conjunto", "Inside the set"),
            "column_target": ("Alvo", "Target"),
            "column_abstained": ("Abstenções", "Abstentions"),
            "column_question": ("Pergunta", "Question"),
            "column_majority": ("Classe maior", "Larger class"),
            "column_yardstick_accuracy": ("Acerto da referência", "Yardstick right"),
            "column_model_accuracy": ("Acerto do modelo", "Model right"),
            "column_frequency_brier": ("Brier da frequência", "Brier of the frequency"),
            "column_yardstick_brier": ("Brier da referência", "Brier of the yardstick"),
            "column_model_brier": ("Brier do modelo", "Brier of the model"),
            "question_next_bars": ("alta em cinco barras", "up in five bars"),
            "question_next_bars_shared": ("o mesmo, onde ambos respondem", "the same, where both answer"),
            "question_barriers": ("barreira de alta primeiro, onde ambos", "upper barrier first, where both"),
            "column_series": ("Série", "Series"),
            "column_account": ("Conta inteira", "Whole account"),
            "column_drawdown": ("Queda máxima", "Maximum drawdown"),
            "column_regime": ("Regime", "Regime"),
            "column_hour": ("Hora local", "Local hour"),
            "column_round_trips": ("Operações", "Round trips"),
            "column_net": ("Líquido\u00a0R$", "Net\u00a0R$"),
            "column_average": ("Média\u00a0R$", "Average\u00a0R$"),
            "column_hit_rate": ("Acerto", "Hit rate"),
            "column_profit_factor": ("Fator de lucro", "Profit factor"),
            "column_month": ("Mês", "Month"),
            "column_session": ("Pregão", "Session"),
            "column_sessions": ("Pregões", "Sessions"),
            "column_contracts": ("Contratos", "Contracts"),
            "column_gross": ("Bruto\u00a0R$", "Gross\u00a0R$"),
            "column_costs": ("Custos\u00a0R$", "Costs\u00a0R$"),
            "column_withheld": ("IRRF\u00a0R$", "Withheld\u00a0R$"),
            "column_settled": ("Creditado\u00a0R$", "Settled\u00a0R$"),
            "column_gate": ("Critério", "Gate"),
            "column_value": ("Valor", "Value"),
            "column_threshold": ("Limite", "Threshold"),
            "column_verdict": ("Veredito", "Verdict"),
            "column_reason": ("Motivo", "Reason"),
            "column_feature": ("Variável", "Feature"),
            "column_psi": ("PSI", "PSI"),
            "column_shift": ("Leitura", "Reading"),
            # rows of the policy, in the order of trading.records.Strategy
            "regime_all": ("todos", "all"),
            "regime_0": ("indefinido", "undefined"),
            "regime_1": ("tendência de alta", "trend up"),
            "regime_2": ("tendência de baixa", "trend down"),
            "regime_3": ("lateral", "range"),
            "regime_4": ("volátil", "volatile"),
            # what was not traded
            "refusals_gate": ("Entradas recusadas pelo controle de risco", "Entries refused by the gate"),
            "refusals_venue": ("Ordens rejeitadas pela bolsa", "Orders rejected by the venue"),
            **REFUSALS,
            # gates
            "gates_challenger": ("Para desafiante", "To challenger"),
            "gates_champion": ("Para campeão", "To champion"),
            "gate_provenance_known": ("procedência conhecida", "provenance known"),
            "gate_schema_equal": ("mesmo esquema de variáveis", "same feature schema"),
            "gate_leak_suite": ("sem vazamento de futuro", "no leak from the future"),
            "gate_parity": ("lote igual ao vivo", "batch equals live"),
            "gate_bundle_verifies": ("pacote verificado", "bundle verifies"),
            "gate_latency": ("latência da decisão, µs", "decision latency, µs"),
            "gate_fills": ("execuções fora da amostra", "out-of-sample fills"),
            "gate_sharpe": ("Sharpe líquido", "net Sharpe"),
            "gate_deflated_sharpe": ("Sharpe deflacionado", "deflated Sharpe"),
            "gate_pbo": ("probabilidade de sobreajuste", "probability of overfitting"),
            "gate_drawdown": ("queda máxima", "maximum drawdown"),
            "gate_calibration": ("erro de calibração", "calibration error"),
            "gate_class_shares": ("equilíbrio das classes", "class shares"),
            "gate_action_rate": ("taxa de ação", "action rate"),
            "gate_provenance_real": ("dados reais", "real data"),
            "gate_paper_sessions": ("sessões simuladas", "paper sessions"),
            "gate_beats_champion": ("supera o campeão", "beats the champion"),
            # drift
            "drift_stable": ("estável", "stable"),
            "drift_watch": ("atenção", "watch"),
            "drift_shifted": ("mudou", "shifted"),
            "drift_unwatched": (
                "Podem parar sem interromper as decisões, pois a sessão é curta demais para percebê-lo",
                "May stand still without stopping decisions, because a session is too short to tell",
            ),
            # paper sessions
            "paper_sessions": ("Sessões", "Sessions"),
            "paper_decisions": ("Decisões", "Decisions"),
            "paper_fills": ("Execuções", "Fills"),
            "paper_net": ("Resultado líquido", "Net P&L"),
            "paper_parity": ("Igual ao backtest, bit a bit", "Equal to the backtest, to the bit"),
            "paper_hash": ("Hash das decisões", "Decision hash"),
            # plots
            "axis_equity": ("Patrimônio, R$", "Equity, R$"),
            "axis_drawdown": ("Queda, %", "Drawdown, %"),
            "axis_points": ("Pontos", "Points"),
            "axis_predicted": ("Probabilidade prevista", "Predicted probability"),
            "axis_observed": ("Frequência observada", "Observed frequency"),
            "axis_count": ("Previsões", "Predictions"),
            "axis_importance": ("Parte do ganho, %", "Share of gain, %"),
            "axis_permutation": ("Aumento da perda logarítmica, milésimos", "Growth of the log loss, thousandths"),
            "axis_shapley": ("Parte do tamanho médio, %", "Share of the mean size, %"),
            "axis_folds": ("Líquido por etapa, R$", "Net by fold, R$"),
            "axis_sessions": ("Pregões de treino, %", "Training sessions, %"),
            "axis_loss": ("Perda logarítmica fora da amostra", "Log loss out of sample"),
            "legend_buy": ("entrada comprada", "buy entry"),
            "legend_sell": ("entrada vendida", "sell entry"),
            "legend_exit": ("saída", "exit"),
            "legend_perfect": ("perfeita", "perfect"),
            "legend_model": ("modelo", "model"),
            "legend_ignorant": ("só a frequência", "frequency alone"),
            "plot_grouped": ("{0} barras por traço", "{0} bars per stroke"),
            "calibration_error": ("Erro de calibração esperado (ECE)", "Expected calibration error (ECE)"),
            # the page of a sweep
            "sweep_title": ("Varredura de stop e alvo", "Sweep of stop and target"),
            "sweep_period": ("{0} pregões de {1} a {2}, {3} barras", "{0} sessions from {1} to {2}, {3} bars"),
            "sweep_unit_atr": ("stop e alvo em ATR14", "stop and target in ATR14"),
            "sweep_unit_ticks": ("stop e alvo em ticks", "stop and target in ticks"),
            "sweep_net": (
                "Resultado líquido em R$, depois de custos e derrapagem",
                "Net result in R$, after costs and slippage",
            ),
            "sweep_corner": ("stop ↓, alvo →", "stop ↓, target →"),
            "sweep_trials": (
                "Tentativas: {0} nesta varredura, {1} ao todo neste ativo.",
                "Trials: {0} in this sweep, {1} in all on this instrument.",
            ),
            "sweep_deflated": (
                "Sharpe deflacionado do melhor par, depois de todas: {0} (Sharpe {1}).",
                "Deflated Sharpe of the best pair, after all of them: {0} (Sharpe {1}).",
            ),
            "sweep_luck": (
                "O melhor de muitos é em parte sorte: prove-o em pregões que nenhuma varredura viu.",
                "The best of many is partly luck: prove it on sessions that no sweep has seen.",
            ),
            # notes
            "note_sharpe": (
                "Sharpe: média / desvio padrão (ddof = 1) dos retornos diários sobre o capital inicial, × √252.",
                "Sharpe: mean / standard deviation (ddof = 1) of daily returns on the starting capital, × √252.",
            ),
            "note_deflated": (
                "Sharpe deflacionado: probabilidade de o índice verdadeiro superar o que a sorte daria à melhor de "
                "todas as tentativas (Bailey e López de Prado, 2014).",
                "Deflated Sharpe: probability that the true ratio exceeds what luck would give the best of all trials "
                "(Bailey and López de Prado, 2014).",
            ),
            "note_drawdown": (
                "Queda: distância do pico do patrimônio, com posições abertas, sobre capital mais pico.",
                "Drawdown: fall from the peak of equity, open positions included, over capital plus peak.",
            ),
            "note_costs": (
                "Todo resultado líquido já desconta emolumentos e corretagem. Operação completa: de zerado a zerado.",
                "Every net result is after exchange fees and brokerage. Round trip: from flat to flat.",
            ),
            "note_psi": (
                "PSI abaixo de 0,10: estável; até 0,25: atenção; acima: mudou.",
                "PSI below 0.10: stable; up to 0.25: watch; above: shifted.",
            ),
        }.items()
    }
)


def bilingual(key: str, *values: object) -> Markup:
    """Write a message, with what stands in its places, and its English beside it."""
    message = MESSAGES[key]
    return side_by_side(message.pt.format(*values), message.en.format(*values))


def side_by_side(portuguese: str, english: str) -> Markup:
    """Write a sentence with its English beside it; one that both share stands once."""
    if portuguese == english:
        return Markup("<span>{}</span>").format(portuguese)
    return Markup('<span lang="pt-BR">{}</span> <span class="en" lang="en">{}</span>').format(portuguese, english)
