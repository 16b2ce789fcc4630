// Deutsche Texte. Die Schlüssel sind die von en.js.

export default {
  "start.title": "Einmal sprechen, von allen verstanden werden",
  "start.lead":
    "Eine Person spricht. Alle, die zuhören, hören es einen Moment später in ihrer Sprache.",
  "start.name": "Name der Übertragung",
  "start.name_hint":
    "Buchstaben ohne Umlaute, Ziffern, - und _. Wer spricht und wer zuhört, benutzt denselben Namen.",
  "start.listen": "Zuhören",
  "start.speak": "Sprechen",
  "start.captions": "Untertitel",

  "error.title": "Da stimmt etwas nicht",
  "error.page": "Auf dieser Seite ist etwas schiefgegangen ({what}). Laden Sie die Seite neu.",
  "error.bad_message": "Diese Seite und der Server verstehen sich nicht. Laden Sie die Seite neu.",
  "error.out_of_order":
    "Diese Seite und der Server sind aus dem Takt geraten. Laden Sie die Seite neu.",
  "error.too_large": "Diese Seite hat mehr gesendet, als der Server annimmt. Laden Sie sie neu.",
  "error.bad_sdp":
    "Der Server kann mit der Art von Verbindung, die dieser Browser anbietet, nichts anfangen.",
  "error.bad_stream": "Das ist kein gültiger Name für eine Übertragung. Prüfen Sie die Adresse.",
  "error.unknown_language": "Der Server kennt diese Sprache nicht.",
  "error.unknown_channel": "Diese Sprache gibt es hier nicht.",
  "error.unauthorised":
    "Mit dieser Adresse kommen Sie nicht hinein. Benutzen Sie die vollständige Adresse, die Sie bekommen haben.",
  "error.forbidden": "Das dürfen Sie hier nicht.",
  "error.speaker_present":
    "Hier spricht schon jemand. Warten Sie, bis die Person fertig ist, oder nehmen Sie einen anderen Namen.",
  "error.limit": "Im Moment ist zu viel los. Wir versuchen es weiter.",
  "error.replaced": "Sie haben in einem anderen Fenster oder auf einem anderen Gerät weitergemacht.",
  "error.timeout": "Der Ton kam nicht rechtzeitig durch. Wir versuchen es weiter.",
  "error.unavailable": "Der Server ist nicht bereit. Wir versuchen es weiter.",
  "error.internal": "Auf dem Server ist etwas schiefgegangen. Wir versuchen es weiter.",
  "error.continue": "Hier weitermachen",

  "connection.connecting": "Verbinden…",
  "connection.connected": "Verbunden",
  "connection.slow": "Verbunden (Umweg)",
  "connection.reconnecting": "Neu verbinden…",
  "connection.closed": "Nicht verbunden",

  "channel.floor": "Original",
  "channel.over": "{language} über dem Original",

  "captions.title": "Untertitel",
  "captions.empty": "Hier erscheint, was gesagt wird.",
  "captions.original": "Original",
  "captions.skipped": "nicht gesprochen",
  "captions.doubtful": "vielleicht anders gesagt",
  "captions.smaller": "Kleinere Untertitel",
  "captions.larger": "Größere Untertitel",

  "recording.all": "Ton und Untertitel werden aufgezeichnet.",
  "recording.audio": "Der Ton wird aufgezeichnet.",
  "recording.text": "Die Untertitel werden aufgezeichnet.",

  "listen.page": "Zuhören",
  "listen.start": "Zuhören",
  "listen.stop": "Beenden",
  "listen.tap": "Tippen Sie, um zu hören",
  "listen.go_on": "Weiterhören",
  "listen.language": "Sprache",
  "listen.floor": "Original (die eigene Stimme)",
  "listen.over": "Das Original leise im Hintergrund",
  "listen.source_captions": "Auch den Originaltext zeigen",
  "listen.volume": "Lautstärke",
  "listen.size": "Schriftgröße",
  "listen.options": "Ton und Untertitel",
  "listen.connecting": "Verbindung wird aufgebaut…",
  "listen.waiting": "Noch spricht niemand",
  "listen.waiting_hint": "Lassen Sie diese Seite offen: Es beginnt von selbst.",
  "listen.waiting_silent_hint": "Drücken Sie schon auf „Zuhören“, dann beginnt es von selbst.",
  "listen.ready": "Jetzt live",
  "listen.ready_hint": "Drücken Sie auf „Zuhören“.",
  "listen.opening": "Gleich geht es los…",
  "listen.opening_hint": "Der Ton ist unterwegs.",
  "listen.starting": "Gleich geht es los…",
  "listen.starting_hint": "Bis die Übersetzung bereit ist, hören Sie leise das Original.",
  "listen.live": "Live",
  "listen.live_floor": "Sie hören das Original.",
  "listen.live_language": "Sie hören: {language}.",
  "listen.unclear":
    "Sie hören: {language}. Diese Stimme ist schwer zu verstehen: Lesen Sie die Untertitel mit.",
  "listen.live_over": "Sie hören: {language}, über dem Original.",
  "listen.paused": "Pause",
  "listen.paused_hint": "Es geht gleich weiter.",
  "listen.reconnecting": "Neu verbinden…",
  "listen.reconnecting_hint":
    "Die Verbindung ist abgebrochen. Diese Seite verbindet sich von selbst wieder.",
  "listen.ended": "Die Übertragung ist zu Ende",
  "listen.ended_hint": "Danke fürs Zuhören.",
  "listen.fallback": "Die Übersetzung ist unterbrochen",
  "listen.fallback_hint": "Sie hören das Original, bis sie wieder da ist.",
  "listen.broken_hint":
    "Diese Sprache geht gerade nicht. Sie hören das Original, bis sie wieder da ist.",
  "listen.slow_hint":
    "Der Server ist gerade zu langsam für diese Sprache. Sie hören das Original, bis sie wieder da ist.",
  "listen.full": "Zu viel los für diese Sprache",
  "listen.full_hint":
    "Der Server kann gerade keine weitere Sprache übersetzen. Sie hören das Original; die Übersetzung beginnt, sobald Platz ist. In einer anderen Sprache ist vielleicht schon Platz.",
  "listen.restarting_hint":
    "Die Übersetzung startet neu. Sie hören das Original, bis sie wieder da ist.",
  "listen.held": "Ihr Browser hält den Ton zurück",
  "listen.held_hint": "Tippen Sie noch einmal auf den Knopf, um zu hören.",
  "listen.halted": "Der Ton ist angehalten",
  "listen.halted_hint":
    "Ein Anruf, eine andere App oder Ihr Kopfhörer hat ihn angehalten. Tippen Sie auf den Knopf, um weiterzuhören.",
  "listen.unable": "Dieser Browser kann den Ton nicht abspielen",
  "listen.unable_hint":
    "Benutzen Sie eine aktuelle Version von Firefox, Chrome, Edge oder Safari, und eine Adresse, die mit https:// beginnt. Die Untertitel laufen weiter.",
  "listen.slow_way":
    "Über einen Umweg verbunden: Der direkte Weg ist hier gesperrt. Der Ton kommt etwas später.",
  "listen.slow_browser":
    "Über einen Umweg verbunden: Dieser Browser lässt den direkten Weg nicht zu. Der Ton kommt etwas später.",
  "listen.shut_out": "Dieses Netz sperrt den Ton",
  "listen.shut_out_hint":
    "Über einen Umweg kommt er durch, aber nicht in diesem Browser oder an dieser Adresse. Benutzen Sie einen neueren Browser, eine Adresse, die mit https:// beginnt, oder ein anderes Netz. Die Untertitel laufen weiter.",
  "listen.no_language":
    "{language} gibt es hier gerade nicht. Bis dahin bekommen Sie das Original.",

  "captions_page.page": "Untertitel",
  "captions_page.settings": "Anzeige",
  "captions_page.languages": "Sprachen",
  "captions_page.shown": "Untertitel: {languages}",
  "captions_page.none": "Sprache wählen",
  "captions_page.fullscreen": "Vollbild",
  "captions_page.qr": "QR-Code",
  "captions_page.join": "Hören Sie in Ihrer Sprache zu",
  "captions_page.waiting": "Noch spricht niemand",
  "captions_page.paused": "Pause",
  "captions_page.ended": "Die Übertragung ist zu Ende",
  "captions_page.faults": "Die Adresse enthält Werte, die nicht gehen: {faults}",

  "speak.page": "Sprechen",
  "speak.start": "Jetzt sprechen",
  "speak.stop": "Aufhören",
  "speak.pause": "Pause",
  "speak.resume": "Weiter",
  "speak.end": "Die Übertragung für alle beenden",
  "speak.setup": "Ihr Ton",
  "speak.language": "Sie sprechen",
  "speak.auto": "Sprache erkennen",
  "speak.detecting": "Wir finden heraus, welche Sprache Sie sprechen…",
  "speak.detected": "Sie sprechen {language}.",
  "speak.mismatch": "Sie sprechen anscheinend {language}.",
  "speak.mismatch_unknown":
    "Sie sprechen anscheinend {language}. Das kann hier nicht übersetzt werden.",
  "speak.change": "Zu {language} wechseln",
  "speak.microphone": "Mikrofon",
  "speak.default_microphone": "Standardmikrofon",
  "speak.microphone_number": "Mikrofon {number}",
  "speak.line_in": "Line-in von einem Mischpult",
  "speak.line_in_hint":
    "Gibt den Ton unverändert weiter: ohne Echo- und Rauschunterdrückung und ohne automatische "
    + "Aussteuerung.",
  "speak.level": "Pegel",
  "speak.level_value": "{count} Dezibel",
  "speak.level_good": "Klingt gut.",
  "speak.level_quiet": "Zu leise: Gehen Sie näher ans Mikrofon oder stellen Sie es lauter.",
  "speak.level_clipping": "Zu laut, der Ton ist verzerrt: Stellen Sie das Mikrofon leiser.",
  "speak.audience": "Ihr Publikum",
  "speak.audience_none": "Noch hört niemand zu.",
  "speak.audience_total": {
    one: "{count} Person hört zu.",
    other: "{count} Personen hören zu.",
  },
  "speak.captions": "Was verstanden wird",
  "speak.share": "Laden Sie zum Zuhören ein",
  "speak.share_hint": "Diesen Code scannen oder diese Adresse öffnen lassen:",
  "speak.qr_label": "QR-Code mit der Adresse zum Zuhören",
  "speak.ready": "Bereit, wenn Sie es sind",
  "speak.ready_hint": "Niemand hört Sie, bis Sie auf den Knopf drücken.",
  "speak.opening": "Gleich geht es los…",
  "speak.opening_hint": "Erst die Verbindung, dann Ihr Mikrofon. Warten Sie auf „Sie sind live“.",
  "speak.live": "Sie sind live",
  "speak.live_hint": "Sprechen Sie ruhig und in ganzen Sätzen.",
  "speak.paused": "Pause",
  "speak.paused_hint": "Niemand hört Sie. Wer zuhört, sieht, dass es gleich weitergeht.",
  "speak.reconnecting": "Neu verbinden…",
  "speak.reconnecting_hint":
    "Die Verbindung ist abgebrochen. Bitte warten Sie einen Moment: Niemand hört Sie jetzt.",
  "speak.ended": "Die Übertragung ist zu Ende",
  "speak.ended_hint": "Drücken Sie auf den Knopf, um sie wieder zu beginnen.",
  "speak.unable": "Dieser Browser kann den Ton nicht senden",
  "speak.unable_hint":
    "Benutzen Sie eine aktuelle Version von Firefox, Chrome, Edge oder Safari. Niemand hört Sie.",
  "speak.slow_way":
    "Über einen Umweg verbunden: Der direkte Weg ist hier gesperrt. Man hört Sie etwas später.",
  "speak.slow_browser":
    "Über einen Umweg verbunden: Dieser Browser lässt den direkten Weg nicht zu. Man hört Sie etwas später.",
  "speak.shut_out": "Dieses Netz sperrt den Ton",
  "speak.shut_out_hint":
    "Über einen Umweg kommt er durch, aber nicht aus diesem Browser. Benutzen Sie einen neueren Browser oder ein anderes Netz. Niemand hört Sie jetzt.",
  "speak.insecure": "Unter dieser Adresse geht das Mikrofon nicht",
  "speak.insecure_hint":
    "Browser geben nur sicheren Seiten ein Mikrofon. Benutzen Sie eine Adresse, die mit https:// "
    + "beginnt (der Server erzeugt eine mit --tls self), oder öffnen Sie http://localhost auf dem "
    + "Server selbst.",
  "speak.denied": "Das Mikrofon ist gesperrt",
  "speak.denied_hint":
    "Erlauben Sie dieser Seite im Browser das Mikrofon (meist mit dem Symbol neben der Adresse) "
    + "und drücken Sie noch einmal auf den Knopf.",
  "speak.missing": "Kein Mikrofon gefunden",
  "speak.missing_hint":
    "Schließen Sie eines an oder wählen Sie ein anderes, und drücken Sie noch einmal auf den Knopf.",
  "speak.busy": "Das Mikrofon lässt sich nicht öffnen",
  "speak.busy_hint":
    "Vielleicht benutzt es ein anderes Programm. Schließen Sie das Programm und drücken Sie noch "
    + "einmal auf den Knopf.",
  "speak.unplugged": "Das Mikrofon ist weg; es geht mit dem Standardmikrofon weiter.",
  "speak.take_over_title": "Hier spricht schon jemand",
  "speak.take_over_text":
    "Wenn Sie übernehmen, hört man Sie; die andere Person sieht, dass Sie übernommen haben.",
  "speak.take_over": "Übernehmen",
  "speak.cancel": "Abbrechen",
  "speak.end_title": "Die Übertragung beenden?",
  "speak.end_text": "Alle, die zuhören, sehen, dass es zu Ende ist. Für eine Unterbrechung gibt es „Pause“.",
  "speak.end_confirm": "Beenden",
};
