// Textes français. Les clés sont celles de en.js.
// Devant « : », « ? » et dans les guillemets, l'espace est insécable : \u00a0.

export default {
  "start.title": "Parlez une fois, tout le monde vous comprend",
  "start.lead":
    "Une personne parle. Toutes celles qui écoutent l’entendent dans leur langue, un instant plus tard.",
  "start.name": "Nom de la diffusion",
  "start.name_hint":
    "Lettres sans accents, chiffres, - et _. La personne qui parle et celles qui écoutent utilisent le même nom.",
  "start.listen": "Écouter",
  "start.speak": "Parler",
  "start.captions": "Sous-titres",

  "error.title": "Quelque chose ne va pas",
  "error.page": "Un problème est survenu dans cette page ({what}). Rechargez-la.",
  "error.bad_message": "Cette page et le serveur ne se comprennent pas. Rechargez la page.",
  "error.out_of_order": "Cette page et le serveur ne sont plus d’accord. Rechargez la page.",
  "error.too_large": "Cette page a envoyé plus que le serveur n’accepte. Rechargez-la.",
  "error.bad_sdp": "Le serveur ne peut pas utiliser la connexion que propose ce navigateur.",
  "error.bad_stream": "Ce nom de diffusion n’est pas valable. Vérifiez l’adresse.",
  "error.unknown_language": "Le serveur ne connaît pas cette langue.",
  "error.unknown_channel": "Cette langue n’est pas disponible ici.",
  "error.unauthorised":
    "Cette adresse ne vous laisse pas entrer. Utilisez l’adresse complète que vous avez reçue.",
  "error.forbidden": "Vous n’avez pas le droit de faire cela ici.",
  "error.speaker_present":
    "Quelqu’un parle déjà ici. Attendez que cette personne ait fini, ou prenez un autre nom.",
  "error.limit": "Il y a trop de monde en ce moment. Nous continuons d’essayer.",
  "error.replaced": "Vous avez continué dans une autre fenêtre ou sur un autre appareil.",
  "error.timeout": "Le son n’est pas passé à temps. Nous continuons d’essayer.",
  "error.unavailable": "Le serveur n’est pas prêt. Nous continuons d’essayer.",
  "error.internal": "Un problème est survenu sur le serveur. Nous continuons d’essayer.",
  "error.continue": "Continuer ici",

  "connection.connecting": "Connexion…",
  "connection.connected": "Connecté",
  "connection.slow": "Connecté par un détour",
  "connection.reconnecting": "Reconnexion…",
  "connection.closed": "Non connecté",

  "channel.floor": "Version originale",
  "channel.over": "{language} par-dessus l’original",

  "captions.title": "Sous-titres",
  "captions.empty": "Ce qui est dit apparaîtra ici.",
  "captions.original": "Version originale",
  "captions.skipped": "non prononcé",
  "captions.doubtful": "peut-être dit autrement",
  "captions.smaller": "Sous-titres plus petits",
  "captions.larger": "Sous-titres plus grands",

  "recording.all": "Le son et les sous-titres sont enregistrés.",
  "recording.audio": "Le son est enregistré.",
  "recording.text": "Les sous-titres sont enregistrés.",

  "listen.page": "Écouter",
  "listen.start": "Écouter",
  "listen.stop": "Arrêter",
  "listen.tap": "Touchez pour écouter",
  "listen.go_on": "Reprendre l’écoute",
  "listen.language": "Langue",
  "listen.floor": "Version originale (la voix elle-même)",
  "listen.over": "Garder l’original en fond, doucement",
  "listen.source_captions": "Afficher aussi le texte original",
  "listen.volume": "Volume",
  "listen.size": "Taille du texte",
  "listen.options": "Son et sous-titres",
  "listen.connecting": "Connexion…",
  "listen.waiting": "Personne ne parle encore",
  "listen.waiting_hint": "Laissez cette page ouverte\u00a0: cela commencera tout seul.",
  "listen.waiting_silent_hint":
    "Appuyez dès maintenant sur «\u00a0Écouter\u00a0»\u00a0: cela commencera tout seul.",
  "listen.ready": "En direct",
  "listen.ready_hint": "Appuyez sur «\u00a0Écouter\u00a0».",
  "listen.opening": "Un instant…",
  "listen.opening_hint": "Le son arrive.",
  "listen.starting": "Un instant…",
  "listen.starting_hint":
    "En attendant que la traduction soit prête, vous entendez doucement l’original.",
  "listen.live": "En direct",
  "listen.live_floor": "Vous entendez la version originale.",
  "listen.live_language": "Vous entendez\u00a0: {language}.",
  "listen.unclear":
    "Vous entendez\u00a0: {language}. Cette voix est difficile à comprendre\u00a0: lisez aussi les sous-titres.",
  "listen.live_over": "Vous entendez\u00a0: {language}, par-dessus l’original.",
  "listen.paused": "Pause",
  "listen.paused_hint": "Cela reprend dans un instant.",
  "listen.reconnecting": "Reconnexion…",
  "listen.reconnecting_hint": "La connexion a été coupée. Cette page se reconnecte toute seule.",
  "listen.ended": "La diffusion est terminée",
  "listen.ended_hint": "Merci de votre écoute.",
  "listen.fallback": "La traduction est interrompue",
  "listen.fallback_hint": "Vous entendez l’original jusqu’à son retour.",
  "listen.broken_hint":
    "Cette langue ne fonctionne pas en ce moment. Vous entendez l’original jusqu’à son retour.",
  "listen.slow_hint":
    "Le serveur est trop lent pour cette langue en ce moment. Vous entendez l’original jusqu’à son retour.",
  "listen.full": "Trop de monde pour cette langue",
  "listen.full_hint":
    "Le serveur ne peut pas traduire une langue de plus pour l’instant. Vous entendez l’original\u00a0; la traduction commencera dès qu’il y aura de la place. Une autre langue est peut-être déjà possible.",
  "listen.restarting_hint":
    "La traduction redémarre. Vous entendez l’original jusqu’à son retour.",
  "listen.held": "Votre navigateur retient le son",
  "listen.held_hint": "Touchez encore une fois le bouton pour l’entendre.",
  "listen.halted": "Le son est en pause",
  "listen.halted_hint":
    "Un appel, une autre application ou votre casque l’a mis en pause. Touchez le bouton pour reprendre.",
  "listen.unable": "Ce navigateur ne peut pas jouer le son",
  "listen.unable_hint":
    "Utilisez une version récente de Firefox, Chrome, Edge ou Safari, et une adresse qui commence par https://. Les sous-titres continuent.",
  "listen.slow_way":
    "Connecté par un détour\u00a0: ici, la voie directe est bloquée. Le son arrive un peu plus tard.",
  "listen.slow_browser":
    "Connecté par un détour\u00a0: ce navigateur ne permet pas la voie directe. Le son arrive un peu plus tard.",
  "listen.shut_out": "Ce réseau bloque le son",
  "listen.shut_out_hint":
    "Il passe par un détour, mais pas dans ce navigateur ou à cette adresse. Utilisez un navigateur plus récent, une adresse qui commence par https://, ou un autre réseau. Les sous-titres continuent.",
  "listen.no_language":
    "Cette langue n’est pas disponible en ce moment\u00a0: {language}. En attendant, vous avez la version originale.",

  "captions_page.page": "Sous-titres",
  "captions_page.settings": "Affichage",
  "captions_page.languages": "Langues",
  "captions_page.shown": "Sous-titres\u00a0: {languages}",
  "captions_page.none": "Choisir une langue",
  "captions_page.fullscreen": "Plein écran",
  "captions_page.qr": "Code QR",
  "captions_page.join": "Écoutez dans votre langue",
  "captions_page.waiting": "Personne ne parle encore",
  "captions_page.paused": "Pause",
  "captions_page.ended": "La diffusion est terminée",
  "captions_page.faults": "L’adresse contient des valeurs inutilisables\u00a0: {faults}",

  "speak.page": "Parler",
  "speak.start": "Commencer à parler",
  "speak.stop": "Arrêter",
  "speak.pause": "Pause",
  "speak.resume": "Reprendre",
  "speak.end": "Terminer la diffusion pour tout le monde",
  "speak.setup": "Votre son",
  "speak.language": "Vous parlez",
  "speak.auto": "Détecter la langue",
  "speak.detecting": "Nous cherchons quelle langue vous parlez…",
  "speak.detected": "Vous parlez\u00a0: {language}.",
  "speak.mismatch": "La langue que vous parlez semble être\u00a0: {language}.",
  "speak.mismatch_unknown":
    "La langue que vous parlez semble être\u00a0: {language}. Elle ne peut pas être traduite ici.",
  "speak.change": "Passer à la langue\u00a0: {language}",
  "speak.microphone": "Microphone",
  "speak.default_microphone": "Microphone par défaut",
  "speak.microphone_number": "Microphone {number}",
  "speak.line_in": "Entrée ligne d’une table de mixage",
  "speak.line_in_hint":
    "Transmet le son tel quel\u00a0: sans réduction de l’écho ni du bruit, et sans réglage automatique du volume.",
  "speak.level": "Niveau",
  "speak.level_value": {
    one: "{count} décibel",
    many: "{count} de décibels",
    other: "{count} décibels",
  },
  "speak.level_good": "Le son est bon.",
  "speak.level_quiet": "Trop faible\u00a0: rapprochez-vous du microphone ou augmentez son volume.",
  "speak.level_clipping": "Trop fort, le son est déformé\u00a0: baissez le volume du microphone.",
  "speak.audience": "Votre public",
  "speak.audience_none": "Personne n’écoute encore.",
  "speak.audience_total": {
    one: "{count} personne écoute.",
    many: "{count} de personnes écoutent.",
    other: "{count} personnes écoutent.",
  },
  "speak.captions": "Ce qui est compris",
  "speak.share": "Invitez votre public",
  "speak.share_hint": "Faites scanner ce code ou ouvrir cette adresse\u00a0:",
  "speak.qr_label": "Code QR avec l’adresse pour écouter",
  "speak.ready": "Quand vous voudrez",
  "speak.ready_hint": "Personne ne vous entend tant que vous n’appuyez pas sur le bouton.",
  "speak.opening": "Un instant…",
  "speak.opening_hint":
    "D’abord la connexion, puis votre microphone. Attendez «\u00a0Vous êtes en direct\u00a0».",
  "speak.live": "Vous êtes en direct",
  "speak.live_hint": "Parlez calmement, par phrases entières.",
  "speak.paused": "Pause",
  "speak.paused_hint": "Personne ne vous entend. Votre public voit que vous allez revenir.",
  "speak.reconnecting": "Reconnexion…",
  "speak.reconnecting_hint":
    "La connexion a été coupée. Attendez un instant\u00a0: personne ne vous entend.",
  "speak.ended": "La diffusion est terminée",
  "speak.ended_hint": "Appuyez sur le bouton pour recommencer.",
  "speak.unable": "Ce navigateur ne peut pas envoyer le son",
  "speak.unable_hint":
    "Utilisez une version récente de Firefox, Chrome, Edge ou Safari. Personne ne vous entend.",
  "speak.slow_way":
    "Connecté par un détour\u00a0: ici, la voie directe est bloquée. On vous entend un peu plus tard.",
  "speak.slow_browser":
    "Connecté par un détour\u00a0: ce navigateur ne permet pas la voie directe. On vous entend un peu plus tard.",
  "speak.shut_out": "Ce réseau bloque le son",
  "speak.shut_out_hint":
    "Il passe par un détour, mais pas depuis ce navigateur. Utilisez un navigateur plus récent ou un autre réseau. Personne ne vous entend en ce moment.",
  "speak.insecure": "Le microphone ne fonctionne pas à cette adresse",
  "speak.insecure_hint":
    "Les navigateurs ne donnent le microphone qu’aux pages sécurisées. Utilisez une adresse qui "
    + "commence par https:// (le serveur en crée une avec --tls self), ou ouvrez http://localhost "
    + "sur le serveur lui-même.",
  "speak.denied": "Le microphone est bloqué",
  "speak.denied_hint":
    "Autorisez le microphone pour cette page dans votre navigateur (le plus souvent par l’icône à "
    + "côté de l’adresse) et appuyez de nouveau sur le bouton.",
  "speak.missing": "Aucun microphone trouvé",
  "speak.missing_hint":
    "Branchez-en un, ou choisissez-en un autre, et appuyez de nouveau sur le bouton.",
  "speak.busy": "Impossible d’ouvrir le microphone",
  "speak.busy_hint":
    "Un autre programme l’utilise peut-être. Fermez-le et appuyez de nouveau sur le bouton.",
  "speak.unplugged": "Le microphone a disparu\u00a0; on continue avec celui par défaut.",
  "speak.take_over_title": "Quelqu’un parle déjà ici",
  "speak.take_over_text":
    "Si vous prenez la parole, c’est vous que l’on entendra, et l’autre personne le verra.",
  "speak.take_over": "Prendre la parole",
  "speak.cancel": "Annuler",
  "speak.end_title": "Terminer la diffusion\u00a0?",
  "speak.end_text":
    "Toutes les personnes qui écoutent verront que c’est fini. Pour une interruption, il y a «\u00a0Pause\u00a0».",
  "speak.end_confirm": "Terminer",
};
