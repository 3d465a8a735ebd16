"""What checks of market data find, said in Portuguese and in English.

A template speaks of `count` records or runs, the `worst` of them, and the `sessions` they lie in; `run` is the length
from which a run of bars is told, `unit` what quantities count. English of the pre-check is the pre-check's own.
"""

from collections.abc import Mapping
from types import MappingProxyType

from market.precheck_defects import SENTENCES, Defect

_PRECHECK: Mapping[Defect, str] = {
    Defect.SEQUENCE_BACK: "registros que não seguem a sequência do anterior: {count}, o pior por {worst}",
    Defect.TIME_BACK: "horários antes do registro anterior: {count}, o pior por {worst} s",
    Defect.TIME_REPEATED: "barras com o horário da anterior: {count}",
    Defect.OUTSIDE_HOURS: "horários fora do pregão: {count}, o pior por {worst} s",
    Defect.RECEIVED_EARLY: "registros recebidos antes de acontecer: {count}, o pior por {worst} s",
    Defect.UNKNOWN_KIND: "eventos de tipo desconhecido: {count}, como {worst}",
    Defect.UNKNOWN_SIDE: "eventos sem lado conhecido: {count}, como {worst}",
    Defect.UNKNOWN_TRADE_TYPE: "negócios de um tipo que o fornecedor não lista: {count}, como {worst}",
    Defect.UNTYPED_TRADES: "negócios cujo tipo nada diz: {count}, {worst} em mil",
    Defect.NO_PRICE: "registros sem preço acima de zero: {count}, o menor {worst} ticks",
    Defect.NO_QUANTITY: "registros sem quantidade acima de zero: {count}, a menor {worst}",
    Defect.HUGE_QUANTITY: "negócios de quantidade absurda: {count}, até {worst} {unit}",
    Defect.PRICE_SPIKE: "negócios que saltam para longe dos dois vizinhos: {count}, o pior por {worst} ticks",
    Defect.TRADE_IN_HALT: "negócios com o mercado fechado: {count}, na fase {worst}",
    Defect.TRADE_NUMBER_BACK: "números de negócio abaixo do anterior: {count}, o pior por {worst}",
    Defect.TRADE_NUMBER_REPEATED: "números de negócio repetidos: {count}, o maior {worst}",
    Defect.BOOK_CROSSED: "vezes em que a melhor compra passou da melhor venda: {count}, a pior por {worst} ticks",
    Defect.BOOK_LOCKED: "vezes em que a melhor compra igualou a melhor venda: {count}",
    Defect.OFF_GRID: "barras fora da grade da sua duração: {count}, a pior por {worst} s",
    Defect.HIGH_BELOW_LOW: "barras com máxima abaixo da mínima: {count}, a pior por {worst} ticks",
    Defect.BODY_OUTSIDE_RANGE: "barras que abrem ou fecham fora da própria faixa: {count}, a pior por {worst} ticks",
    Defect.HUGE_VOLUME: "barras de volume impossível para tão poucos negócios: {count}, até {worst} {unit}",
    Defect.UNUSUAL_VOLUME: "barras de volume incomum: {count}, até {worst} {unit}",
    Defect.ZERO_RANGE_RUN: "sequências de {run} barras ou mais num só preço: {count}, a mais longa com {worst}",
    Defect.FROZEN_FEED: "sequências de {run} barras ou mais que repetem uma barra: {count}, a mais longa com {worst}",
    Defect.BAR_SPIKE: "barras que vão muito além do que há em volta: {count}, a pior por {worst} ticks",
    Defect.TRADES_BEYOND_VOLUME: "barras com mais negócios que contratos: {count}, até {worst} negócios",
    Defect.FLAT_FILLED: "sequências de {run} barras ou mais paradas e sem volume: {count}, a mais longa com {worst}",
}

_SERIES: Mapping[str, tuple[str, str]] = {
    "missing_session": (
        "pregões inteiros perdidos: {sessions}",
        "whole sessions lost: {sessions}",
    ),
    "between_exports": (
        "pregões entre o fim de um arquivo e o início de outro: {sessions}",
        "sessions between the end of one file and the beginning of another: {sessions}",
    ),
    "feed_loss": (
        "pregões com dados perdidos: {sessions}, em {count} buracos, até {worst} minutos num pregão",
        "sessions with lost data: {sessions}, in {count} holes, up to {worst} minutes of a session",
    ),
    "truncated_export": (
        "pregões cortados pelo início ou fim do arquivo: {sessions}, até {worst} minutos",
        "sessions cut by the start or end of their file: {sessions}, up to {worst} minutes",
    ),
    "halt": (
        "pregões com a negociação interrompida: {sessions}, {count} vezes, até {worst} minutos num pregão",
        "sessions with trading halts: {sessions}, {count} times, up to {worst} minutes of a session",
    ),
    "unexplained_edge": (
        "pregões que começam tarde ou terminam cedo sem motivo: {sessions}, até {worst} minutos",
        "sessions that begin late or end early without a cause: {sessions}, up to {worst} minutes",
    ),
    "back_adjusted": (
        "preços ajustados na rolagem: {count} registros em {sessions} pregões",
        "prices restated at a roll: {count} records of {sessions} sessions",
    ),
    "other_level": (
        "pregões cujos preços não são os de outra gravação da mesma série, nunca emendadas: {sessions}",
        "sessions whose prices are not those of another record of the series, never joined with it: {sessions}",
    ),
    "full_lots": (
        "pregões em que tudo é múltiplo do lote do contrato cheio, e portanto dele: {sessions}",
        "sessions in which all quantities are multiples of the full contract's lot, so they are its own: {sessions}",
    ),
    "no_volume": (
        "barras com negócios ou variação de preço e sem volume: {count} em {sessions} pregões",
        "bars that traded or moved without a volume: {count} of {sessions} sessions",
    ),
    "generated": (
        "pregões ditos reais que nenhum mercado fez: {sessions}",
        "sessions filed as real that no market made: {sessions}",
    ),
}

FINDINGS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        f"data_finding_{name}": pair
        for name, pair in (
            *((defect.name.lower(), (text, SENTENCES[defect])) for defect, text in _PRECHECK.items()),
            *_SERIES.items(),
        )
    }
)
