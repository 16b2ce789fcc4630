"""Function words, which carry no content."""

from collections.abc import Sequence
from typing import Final

FUNCTION_WORDS: Final = {
    "en": """
        a about after again all also am an and any are as at be because been before being both but
        by can could did do does for from had has have he her here him his how i if in into is it
        it's its just may me might more most must my no nor not of off on one only or our out over
        shall she should so some such than that the their them then there these they this those to
        too under until up us very was we were what when where which while who whom whose why will
        with would you your don't i'm i'll he's she's that's
    """,
    "nl": """
        aan al als altijd ben bent bij daar dan dat de deze die dit doen door dus een en er ga gaan
        gaat haar had hadden heb hebben hebt heeft hem het hier hij hoe hun ik in is je jij jou jouw
        jullie kan kunnen kunt maar me met mij mijn moet moeten mocht na naar niet niets nog nu of
        om omdat ons onze ook op over te tegen toch toen tot u uit uw van veel voor waar waren was
        wat we wel werd wie wij wil worden wordt zal ze zei zich zij zijn zo zou zullen zult
    """,
    "de": """
        aber als am an auch auf aus bei bin bis da das dass dem den der des die doch du durch ein
        eine einem einen einer er es für haben hat hatte ich ihm ihn ihr im in ist ja kann man mein
        mich mir mit nach nicht noch nur ob oder sein sich sie sind so und uns um unter vom von vor
        war was wenn wer wie wir wird zu zum zur über
    """,
    "fr": """
        à au aux avec ce ces c'est dans de des du elle en est et eu il ils j'ai je la le les leur
        lui ma mais me mes moi mon ne nos notre nous on ont ou où par pas pour qu que qui sa se ses
        son sont sur ta te tes toi ton tu un une vos votre vous y
    """,
}
_SETS: Final = {language: frozenset(words.split()) for language, words in FUNCTION_WORDS.items()}


def content(words: Sequence[str], language: str) -> list[int]:
    """The indices of the words that carry content; of all words if none does."""
    function = _SETS.get(language, frozenset())
    places = [place for place, word in enumerate(words) if word not in function]
    return places or list(range(len(words)))
