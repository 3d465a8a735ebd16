"""What the gate refused, the venue rejected and halted an account, said in Portuguese and in English."""

from collections.abc import Mapping
from types import MappingProxyType

REFUSALS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        # by the name of the RefusalReason
        "refusal_instrument": ("outro ativo", "another instrument"),
        "refusal_side": ("nem compra nem venda", "neither buy nor sell"),
        "refusal_quantity": ("nada a executar", "nothing left to fill"),
        "refusal_lot": ("fora do lote", "not whole lots"),
        "refusal_price": ("preço ou gatilho impossível", "a price or trigger that cannot be"),
        "refusal_stop_distance": ("distância do stop fora dos limites", "stop distance outside its limits"),
        "refusal_position_limit": ("posição no máximo", "position at its limit"),
        "refusal_risk_per_trade": ("risco por operação acima do limite", "risk per trade above its limit"),
        "refusal_trades_per_day": ("operações do dia no máximo", "as many trades as a day may have"),
        "refusal_daily_loss": ("perda diária no limite", "daily loss at its limit"),
        "refusal_drawdown": ("queda no limite", "drawdown at its limit"),
        "refusal_trading_state": ("conta ou mesa bloqueada", "account or desk is halted"),
        "refusal_last_entry": ("perto demais do fechamento", "too near the close"),
        "refusal_market_phase": ("fora da negociação contínua", "not in continuous trading"),
        "refusal_stale_feed": ("dados velhos demais", "data too old"),
        "refusal_crossed_book": ("oferta ausente ou cruzada", "a side missing, or crossed quotes"),
        "refusal_output_full": ("sem espaço para mais registros", "no room for more records"),
        "refusal_unresolved_entry": ("ordem anterior ainda viva", "an earlier order still works"),
        "refusal_unknown_code": ("código desconhecido", "unknown code"),
        "refusal_reward_risk": ("alvo perto demais para o stop", "target too near for its stop"),
        "refusal_order_quantity": ("ordem grande demais", "more contracts than an order may have"),
        "refusal_no_reference": ("sem último preço", "no last price"),
        "refusal_order_value": ("valor da ordem acima do limite", "order worth more than its limit"),
        "refusal_collar": ("longe demais do último preço", "too far from the last price"),
        "refusal_win_rate": ("acertos de menos", "too few trades won"),
        "refusal_reject_burst": ("rejeições demais em um minuto", "too many rejects within a minute"),
        "refusal_stage": ("estágio não envia ordens", "the stage sends no orders"),
        "refusal_exposure": ("exposição da conta acima do limite", "exposure of the account above its limit"),
        "refusal_messages_per_second": ("mensagens demais em um segundo", "too many messages within a second"),
        "refusal_messages_per_minute": ("mensagens demais em um minuto", "too many messages within a minute"),
        "refusal_messages_per_day": ("mensagens demais no pregão", "too many messages this session"),
        "refusal_identical_orders": ("ordens iguais em sequência", "the same order over and over"),
        "refusal_entry_rate": ("entradas demais em dez minutos", "too many entries within ten minutes"),
        "refusal_contract": ("contrato vencido ou série contínua", "an expired contract or a continuous series"),
        "refusal_last_session": ("último pregão do contrato", "last session of the contract"),
        "refusal_blackout": ("janela sem entradas", "inside a blackout window"),
        "refusal_clock_skew": ("relógios divergem", "clocks differ"),
        "refusal_volatility": ("ATR fora da faixa", "ATR outside its band"),
        "refusal_not_reducing": ("saída que não reduz a posição", "an exit that does not reduce"),
        # by the name of the venue's Refusal
        "reject_none": ("sem motivo", "no reason told"),
        "reject_quantity": ("quantidade", "quantity"),
        "reject_price": ("preço, tipo ou lado", "price, type or side"),
        "reject_band": ("fora do túnel de rejeição", "outside the rejection tunnel"),
        "reject_phase": ("fase do pregão", "phase of the session"),
        "reject_triggered": ("stop já disparado", "stop already triggered"),
        "reject_duplicate": ("ordem repetida", "duplicate order"),
        "reject_not_working": ("ordem inexistente", "order not working"),
        "reject_full": ("ordens demais", "too many orders"),
        "reject_exchange": ("recusa da bolsa", "refused by the exchange"),
        "reject_undelivered": ("não chegou à bolsa", "never reached the exchange"),
        # what ends a session's entries, by the name of the RefusalReason
        "halt_daily_loss": ("perda diária no limite", "daily loss at its limit"),
        "halt_drawdown": (
            "queda no limite; só uma pessoa desbloqueia",
            "drawdown at its limit; a person unlocks it",
        ),
        "halt_win_rate": ("acertos de menos", "too few trades won"),
        "halt_reject_burst": ("rejeições demais em um minuto", "too many rejects within a minute"),
        "halt_output_full": ("sem espaço para mais registros", "no room for more records"),
        "halt_identical_orders": (
            "ordens iguais em sequência; só uma pessoa desbloqueia",
            "the same order over and over; a person unlocks it",
        ),
        "halt_entry_rate": (
            "entradas demais em dez minutos; só uma pessoa desbloqueia",
            "too many entries within ten minutes; a person unlocks it",
        ),
        "halt_unknown_order": (
            "aviso sobre ordem desconhecida; só uma pessoa desbloqueia",
            "a report on an unknown order; a person unlocks it",
        ),
        "halt_contradiction": (
            "avisos que se contradizem; só uma pessoa desbloqueia",
            "reports that contradict; a person unlocks it",
        ),
        "halt_overclosed": (
            "fechou mais do que havia; só uma pessoa desbloqueia",
            "closed more than was open; a person unlocks it",
        ),
        "halt_unanswered": (
            "pedido sem resposta; só uma pessoa desbloqueia",
            "a request without an answer; a person unlocks it",
        ),
    }
)
