    probabilities, prediction = session.run(["probabilities", "prediction"], feed)
    return [(config["id2label"][str(label)], row.tolist()) for label, row in zip(prediction, probabilities)]
